package check

import (
	"context"
	"encoding/base64"
	"strings"
	"unicode"

	"relayctl/internal/auth"
)

// wrong lists credentials of the configured kind that are well-formed and must
// not be accepted. The first is wrong altogether.
func wrong(ctx context.Context, t *Trial) ([]forged, error) {
	c := &t.AuthConfig
	var list []forged
	switch c.Kind {
	case auth.KindBasic:
		list = wrongPairs(t, c.Username, c.Password.Reveal())
	case auth.KindAPIKey:
		for _, s := range nearly(c.APIKey.Reveal(), unlike(t, c.APIKey.Reveal())) {
			list = append(list, forged{s.name + " key", []auth.Header{{Name: "ApiKey", Value: s.text}}})
		}
	case auth.KindOAuth:
		signed, err := t.Sign(ctx)
		if err != nil {
			return nil, err
		}
		scheme, token, ok := strings.Cut(signed[0].Value, " ")
		if !ok {
			scheme, token = "", signed[0].Value
		}
		for _, s := range append(nearly(token, unlike(t, token)), unsigned(token)...) {
			list = append(list, forged{s.name + " token", []auth.Header{{Name: "Authorization", Value: strings.TrimSpace(scheme + " " + s.text)}}})
		}
	}
	return list, nil
}

// wrongPairs lists users and passwords that are not the right ones. RFC 7617
// leaves open how a text that is not ASCII becomes bytes, so it comes in both
// usual ways.
func wrongPairs(t *Trial, user, password string) []forged {
	right := pair(user, password)
	var list []forged
	encoded := func(name, value string) {
		if value != right {
			list = append(list, forged{name, []auth.Header{{Name: "Authorization", Value: "basic " + value}}})
		}
	}
	add := func(name, user, password string) { encoded(name, pair(user, password)) }
	for _, s := range nearly(password, unlike(t, password)) {
		add(s.name+" password", user, s.text)
	}
	for _, s := range nearly(user, unlike(t, user)) {
		add(s.name+" user name", s.text, password)
	}
	add("an empty password", user, "")
	add("an empty user name", "", password)
	add("an empty user name and password", "", "")
	add("a space after the password", user, password+" ")
	add("a space before the password", user, " "+password)
	add("a longer password with a colon", user, password+":x")
	add("a password that is not ASCII", user, "pässwörd-€")
	add("a password that is not ASCII, in Latin-1", user, "p\xe4ssw\xf6rd")
	add("a user name that is not ASCII", "relé-€", password)
	encoded("the right letters of the base64 in another case", swapCase(right))
	return list
}

func pair(user, password string) string {
	return base64.StdEncoding.EncodeToString([]byte(user + ":" + password))
}

// variant is a text that is not the secret.
type variant struct{ name, text string }

// nearly lists texts that are not the secret: another one, and those that
// careless comparisons take for it.
func nearly(secret, other string) []variant {
	list := []variant{{"another", other}, {"a longer", secret + "x"}}
	runes := []rune(secret)
	if n := len(runes); n > 1 {
		list = append(list, variant{"a shorter", string(runes[:n-max(1, n/4)])})
	}
	if swapped := swapCase(secret); swapped != secret {
		list = append(list, variant{"the right letters in another case: a wrong", swapped})
	}
	return list
}

// swapCase turns capitals into small letters, and small ones into capitals.
func swapCase(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsUpper(r) {
			return unicode.ToLower(r)
		}
		return unicode.ToUpper(r)
	}, s)
}

// unsigned makes a JWT that claims to need no signature, of one that has one.
func unsigned(token string) []variant {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return nil
	}
	if _, err := base64.RawURLEncoding.DecodeString(parts[1]); err != nil {
		return nil
	}
	header := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","typ":"JWT"}`))
	return []variant{{"an unsigned", header + "." + parts[1] + "."}}
}

// unlike makes a text of letters and digits that is as long as the secret and
// differs from it.
func unlike(t *Trial, secret string) string {
	const letters = "bcdfghjkmnpqrstvwxz23456789"
	b := make([]byte, max(len(secret), 12))
	for {
		for i := range b {
			b[i] = letters[t.Rand.IntN(len(letters))]
		}
		if string(b) != secret {
			return string(b)
		}
	}
}

// malformed lists headers that carry no credentials of the configured kind.
func malformed(ctx context.Context, t *Trial) ([]forged, error) {
	authorization := func(name, value string) forged {
		return forged{name, []auth.Header{{Name: "Authorization", Value: value}}}
	}
	c := &t.AuthConfig
	switch c.Kind {
	case auth.KindBasic:
		right := pair(c.Username, c.Password.Reveal())
		return []forged{
			authorization("the scheme alone", "basic"),
			authorization("cut off", "basic "+right[:len(right)/2/4*4+1]),
			authorization("no base64", "basic ***"),
			authorization("no colon", "basic "+base64.StdEncoding.EncodeToString([]byte(unlike(t, "")))),
			authorization("the user name alone, without a colon", "basic "+base64.StdEncoding.EncodeToString([]byte(c.Username))),
			authorization("the password alone, without a colon", "basic "+base64.StdEncoding.EncodeToString([]byte(c.Password.Reveal()))),
			authorization("another scheme", "Bearer "+right),
		}, nil
	case auth.KindAPIKey:
		return []forged{
			{"an empty key", []auth.Header{{Name: "ApiKey", Value: ""}}},
			{"a key that is not ASCII", []auth.Header{{Name: "ApiKey", Value: "schlüssel-€"}}},
			authorization("another scheme", "basic "+pair("relay", unlike(t, ""))),
		}, nil
	}
	signed, err := t.Sign(ctx)
	if err != nil {
		return nil, err
	}
	_, token, ok := strings.Cut(signed[0].Value, " ")
	if !ok {
		token = signed[0].Value
	}
	return []forged{
		authorization("the scheme alone", "Bearer"),
		authorization("another scheme", "Basic "+token),
	}, nil
}
