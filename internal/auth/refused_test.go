package auth

import (
	"errors"
	"fmt"
	"testing"
)

func TestRefusedTellsANoFromAnOutage(t *testing.T) {
	no := fmt.Errorf("token endpoint x: %w", &refusedError{errors.New("answered 401")})
	if !Refused(no) || Refused(errors.New("connection refused")) || Refused(nil) {
		t.Error("only a clear no is a refusal")
	}
}
