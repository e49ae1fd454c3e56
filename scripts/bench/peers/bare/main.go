// Command bare is the shortest credential helper that go-keyring allows: `get` alone.
package main

import (
	"io"
	"os"
	"strings"

	"github.com/zalando/go-keyring"
)

func main() {
	server, _ := io.ReadAll(os.Stdin)
	text, err := keyring.Get("bare", strings.TrimSpace(string(server)))
	if err != nil {
		os.Exit(1)
	}
	_, _ = os.Stdout.WriteString(`{"Username":"moby","Secret":"` + text + `"}`)
}
