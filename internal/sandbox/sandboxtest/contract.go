package sandboxtest

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"

	"github.com/docker-pat/docker-pat/internal/sandbox"
)

// tenantURL is the host of the operations that have one of their own in the API document.
const tenantURL = "https://login.docker.com"

// loadContract reads the API document, with the sandbox's base paths in place of Docker's hosts.
func loadContract() (routers.Router, error) {
	path, err := findDocument()
	if err != nil {
		return nil, err
	}
	doc, err := openapi3.NewLoader().LoadFromFile(path)
	if err != nil {
		return nil, fmt.Errorf("load %s: %w", path, err)
	}
	if err := doc.Validate(context.Background()); err != nil {
		return nil, fmt.Errorf("check %s: %w", path, err)
	}
	doc.Servers = openapi3.Servers{{URL: sandbox.HubPath}}
	for name, item := range doc.Paths.Map() {
		switch {
		case len(item.Servers) == 0:
		case len(item.Servers) == 1 && item.Servers[0].URL == tenantURL:
			item.Servers = openapi3.Servers{{URL: sandbox.AuthPath}}
		default:
			return nil, fmt.Errorf("check %s: %s has a server that the sandbox does not emulate", path, name)
		}
	}
	router, err := gorillamux.NewRouter(doc)
	if err != nil {
		return nil, fmt.Errorf("route %s: %w", path, err)
	}
	return router, nil
}

// findDocument looks in the folder of this file and then of the test, and upwards from there. The
// former is not a path when the test was built with -trimpath.
func findDocument() (string, error) {
	here, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("find the working folder: %w", err)
	}
	starts := []string{here}
	if _, file, _, ok := runtime.Caller(0); ok && filepath.IsAbs(file) {
		starts = append([]string{filepath.Dir(file)}, starts...)
	}
	for _, dir := range starts {
		for {
			path := filepath.Join(dir, "docs", "hub-api.yaml")
			if _, err := os.Stat(path); err == nil {
				return path, nil
			} else if !errors.Is(err, fs.ErrNotExist) {
				return "", fmt.Errorf("find the API document: %w", err)
			}
			parent := filepath.Dir(dir)
			if parent == dir {
				break
			}
			dir = parent
		}
	}
	return "", errors.New("docs/hub-api.yaml is not above the test")
}
