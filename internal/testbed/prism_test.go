package testbed

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const tinyDocument = `openapi: 3.0.3
info: {title: tiny, version: "1"}
paths:
  /whale:
    get:
      responses:
        "200": {description: It., content: {application/json: {schema: {type: string}, example: moby}}}
`

func TestPrismAnswersAndLeavesNothing(t *testing.T) {
	t.Parallel()
	document := filepath.Join(t.TempDir(), "tiny.yaml")
	if err := os.WriteFile(document, []byte(tinyDocument), 0o600); err != nil {
		t.Fatal(err)
	}
	mock, err := StartPrism(t.Context(), document, "")
	Need(t, err)
	proxy, err := StartPrism(t.Context(), document, mock.URL)
	Need(t, err)
	for _, p := range []*Prism{proxy, mock} {
		for path, want := range map[string]int{"/whale": http.StatusOK, "/squid": http.StatusNotFound} {
			resp, err := http.Get(p.URL + path)
			if err != nil {
				t.Fatal(err)
			}
			if _ = resp.Body.Close(); resp.StatusCode != want {
				t.Errorf("%s%s answers %d", p.URL, path, resp.StatusCode)
			}
		}
		if err := p.Stop(); err != nil {
			t.Error(err)
		}
		if !p.hasEnded() {
			t.Errorf("%s was not ended", p.URL)
		}
		if _, err := os.Stat(p.dir); !os.IsNotExist(err) {
			t.Errorf("%s is left: %v", p.dir, err)
		}
	}
}

func TestPrismFailsToStart(t *testing.T) {
	t.Parallel()
	p, err := StartPrism(t.Context(), filepath.Join(t.TempDir(), "none.yaml"), "")
	if err == nil || p != nil {
		t.Fatal("it started without a document")
	}
	if errors.Is(err, ErrMissing) {
		Need(t, err)
	}
	if !strings.Contains(err.Error(), "none.yaml") {
		t.Errorf("the error does not tell why: %v", err)
	}
}
