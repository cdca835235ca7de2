package auth

import (
	"context"
	"net/http"
	"strings"
)

// apiKeyHeader is spelt as Relay sends it (R-AUTH-KEY).
const apiKeyHeader = "ApiKey"

// apiKey is R-AUTH-KEY.
type apiKey struct {
	fixed
	want    digest
	headers []Header
}

func newAPIKey(cfg Config) (Scheme, error) {
	key := cfg.APIKey.Reveal()
	if err := require(KindAPIKey, [2]string{"api-key", key}); err != nil {
		return nil, err
	}
	if err := checkText("api-key", key); err != nil {
		return nil, err
	}
	if strings.TrimSpace(key) != key {
		return nil, &SettingError{"api-key", "begins or ends with a space, which HTTP would cut off"}
	}
	return &apiKey{want: sum(key), headers: []Header{{apiKeyHeader, key}}}, nil
}

func (k *apiKey) Sign(context.Context) ([]Header, error) { return k.headers, nil }
func (k *apiKey) Challenge() string                      { return `ApiKey realm="relayctl"` }

func (k *apiKey) Verify(h http.Header) Verdict {
	key, problem := single(h, apiKeyHeader)
	switch {
	case problem != "":
		return refuse(problem)
	case !k.want.matches(key):
		return refuse("wrong API key")
	}
	return Verdict{OK: true}
}
