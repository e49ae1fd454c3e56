// Command bare is the shortest credential helper that go-keyring allows: `get`, and `store` of "NAME SECRET".
package main

import (
	"io"
	"os"
	"strings"

	"github.com/zalando/go-keyring"
)

func main() {
	in, _ := io.ReadAll(os.Stdin)
	server, text, _ := strings.Cut(strings.TrimSpace(string(in)), " ")
	var err error
	if len(os.Args) > 1 {
		err = keyring.Set("bare", server, text)
	} else if text, err = keyring.Get("bare", server); err == nil {
		_, err = os.Stdout.WriteString(`{"Username":"moby","Secret":"` + text + `"}`)
	}
	if err != nil {
		os.Exit(1)
	}
}
