package e2e

import (
	"context"
	"fmt"
	"os"

	"github.com/docker-pat/docker-pat/internal/sandbox/sandboxtest"
)

// browserName is the program that opens a browser on Linux.
const browserName = "xdg-open"

// playBrowser is what this test does under the name of the program that opens a browser.
func playBrowser(args []string) int {
	if len(args) != 2 {
		return 1
	}
	if err := sandboxtest.SignInOnPage(context.Background(), args[1], user, password); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}
