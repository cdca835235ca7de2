package auth

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"strings"
)

const authorizationHeader = "Authorization"

// basic is R-AUTH-BASIC. It sends the scheme in lower case as Relay does and
// takes it in any case (RFC 9110).
type basic struct {
	fixed
	want    digest // of username:password
	headers []Header
}

func newBasic(cfg Config) (Scheme, error) {
	if err := require(KindBasic, [2]string{"username", cfg.Username}, [2]string{"password", cfg.Password.Reveal()}); err != nil {
		return nil, err
	}
	if strings.Contains(cfg.Username, ":") {
		return nil, &SettingError{"username", "contains a colon, which separates it from the password"}
	}
	if err := errors.Join(checkText("username", cfg.Username), checkText("password", cfg.Password.Reveal())); err != nil {
		return nil, err
	}
	pair := cfg.Username + ":" + cfg.Password.Reveal()
	value := "basic " + base64.StdEncoding.EncodeToString([]byte(pair))
	return &basic{want: sum(pair), headers: []Header{{authorizationHeader, value}}}, nil
}

func (b *basic) Sign(context.Context) ([]Header, error) { return b.headers, nil }
func (b *basic) Challenge() string                      { return `Basic realm="relayctl", charset="UTF-8"` }

func (b *basic) Verify(h http.Header) Verdict {
	value, problem := single(h, authorizationHeader)
	if problem != "" {
		return refuse(problem)
	}
	pair, problem := basicPair(value)
	switch {
	case problem != "":
		return refuse(problem)
	case !b.want.matches(pair):
		return refuse("wrong username or password")
	}
	return Verdict{OK: true}
}

// basicPair returns the username:password that an Authorization header
// carries, or what is wrong with it.
func basicPair(value string) (pair, problem string) {
	scheme, rest, _ := strings.Cut(value, " ")
	if !strings.EqualFold(scheme, "basic") {
		return "", "the Authorization scheme is not basic"
	}
	rest = strings.Trim(rest, " \t")
	if rest == "" {
		return "", "the Authorization header ends after basic"
	}
	decoded, err := base64.StdEncoding.Strict().DecodeString(rest)
	if err != nil || strings.ContainsAny(rest, "\r\n") { // the decoder skips line breaks
		return "", "the basic credentials are not base64"
	}
	if !strings.Contains(string(decoded), ":") {
		return "", "the basic credentials have no colon"
	}
	return string(decoded), ""
}
