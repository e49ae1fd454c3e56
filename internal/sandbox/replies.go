package sandbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
)

// maxBody is the largest request body of the Hub API, in bytes. The real bound is not documented.
const maxBody = 1 << 20

// An apiError is the error body of most Hub API operations.
type apiError struct {
	Message       string `json:"message"`
	Detail        string `json:"detail,omitempty"`
	ErrInfo       any    `json:"errinfo"`
	Login2FAToken string `json:"login_2fa_token,omitempty"`
}

// A detailError is the error body of /v2/users/*.
type detailError struct {
	Detail        string `json:"detail"`
	Login2FAToken string `json:"login_2fa_token,omitempty"`
}

// emptyInfo is the errinfo of replies that were seen with an object instead of null.
type emptyInfo struct{}

// writeJSON sends value. A client that has gone away is not an error of the sandbox.
func writeJSON(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(value)
}

// readJSON decodes the body into value. Its errors read as Hub's do: "malformed request: EOF".
func readJSON(w http.ResponseWriter, r *http.Request, value any) error {
	decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody))
	if err := decoder.Decode(value); err != nil {
		return fmt.Errorf("malformed request: %w", err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return errors.New("malformed request: more than one value")
	}
	return nil
}

// silentLogger keeps the registry library off standard error.
func silentLogger() *log.Logger { return log.New(io.Discard, "", 0) }
