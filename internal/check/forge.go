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
func (t *Trial) wrong(ctx context.Context) ([]forged, error) {
	c := &t.AuthCfg
	var list []forged
	switch c.Kind {
	case auth.KindBasic:
		add := func(name, user, password string) {
			list = append(list, forged{name, []auth.Header{{Name: "Authorization", Value: "basic " + pair(user, password)}}})
		}
		for _, s := range nearly(c.Password.Reveal(), t.unlike(c.Password.Reveal())) {
			add(s.name+" password", c.Username, s.text)
		}
		add("an empty password", c.Username, "")
		add("another user", t.unlike(c.Username), c.Password.Reveal())
	case auth.KindAPIKey:
		for _, s := range nearly(c.APIKey.Reveal(), t.unlike(c.APIKey.Reveal())) {
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
		for _, s := range append(nearly(token, t.unlike(token)), unsigned(token)...) {
			list = append(list, forged{s.name + " token", []auth.Header{{Name: "Authorization", Value: strings.TrimSpace(scheme + " " + s.text)}}})
		}
	}
	return list, nil
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
	swapped := strings.Map(func(r rune) rune {
		if unicode.IsUpper(r) {
			return unicode.ToLower(r)
		}
		return unicode.ToUpper(r)
	}, secret)
	if swapped != secret {
		list = append(list, variant{"the right letters in another case: a wrong", swapped})
	}
	return list
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

// unlike makes a text of letters and digits as long as the secret, and no part
// of it.
func (t *Trial) unlike(secret string) string {
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
func (t *Trial) malformed(ctx context.Context) ([]forged, error) {
	authorization := func(name, value string) forged {
		return forged{name, []auth.Header{{Name: "Authorization", Value: value}}}
	}
	c := &t.AuthCfg
	switch c.Kind {
	case auth.KindBasic:
		right := pair(c.Username, c.Password.Reveal())
		return []forged{
			authorization("the scheme alone", "basic"),
			authorization("cut off", "basic "+right[:len(right)/2/4*4+1]),
			authorization("no base64", "basic ***"),
			authorization("no colon", "basic "+base64.StdEncoding.EncodeToString([]byte(t.unlike("")))),
			authorization("another scheme", "Bearer "+right),
		}, nil
	case auth.KindAPIKey:
		return []forged{
			{"an empty key", []auth.Header{{Name: "ApiKey", Value: ""}}},
			authorization("another scheme", "basic "+pair("relay", t.unlike(""))),
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
