package auth

import (
	"errors"
	"fmt"
	"testing"
)

func TestRefusedTellsANoFromAnOutage(t *testing.T) {
	no := fmt.Errorf("token endpoint x: %w", &refusedError{errors.New("answered 401")})
	if !CredentialsRefused(no) || CredentialsRefused(errors.New("connection refused")) || CredentialsRefused(nil) {
		t.Error("only a clear no is a refusal")
	}
}
