//go:build !unix

package regularfile

// noWait is nothing: no path leads to a pipe here that would be waited for.
const noWait = 0
