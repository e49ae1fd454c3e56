// Command security stands in for /usr/bin/security of macOS, in the three commands that go-keyring runs. It
// reads lines, splits them, parses options, answers and exits as Apple's does; its keychain is the file that
// STANDIN_KEYCHAIN names.
//
// Source: SecurityTool/macOS in apple-oss-distributions/Security: security.c (main, split_line),
// readline.c, keychain_add.c, keychain_find.c.
package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// What commands return, of SecBase.h and of the tool itself. The exit code is the lowest byte: 44 for an
// item that is not found, 36 for a keychain that is locked and may not ask for its password.
const (
	done                  = 0
	failed                = 1
	usage                 = 2
	interactionNotAllowed = -25308
	noSuchKeychain        = -25294
	duplicateItem         = -25299
	itemNotFound          = -25300
)

// maxLine is the size of the buffer for a line, with the zero at its end (MAX_LINE_LEN).
const maxLine = 4096

func main() {
	if err := record(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(failed)
	}
	os.Exit(run(os.Args[1:], os.Stdin) & 0xff)
}

func run(args []string, in io.Reader) int {
	if len(args) == 1 && args[0] == "-i" {
		return interactive(bufio.NewReader(in))
	}
	return execute(args)
}

// interactive returns what the last command did.
func interactive(in *bufio.Reader) int {
	result := done
	for {
		line, ok := readLine(in)
		if !ok {
			return result
		}
		args := splitLine(line)
		if result = execute(args); result != done {
			fmt.Fprintf(os.Stderr, "%s: returned %d\n", args[0], result)
		}
	}
}

// readLine takes a line that is too long for the buffer for two. What comes before the end of the input
// without an end of line is no line.
func readLine(in *bufio.Reader) (string, bool) {
	var line strings.Builder
	for line.Len() < maxLine-1 {
		c, err := in.ReadByte()
		if err != nil {
			return "", false
		}
		if c == '\n' {
			break
		}
		line.WriteByte(c)
	}
	return line.String(), true
}

// splitLine is no shell: a quoted argument ends with its quote, and a backslash keeps its meaning between
// single quotes.
func splitLine(line string) (args []string) {
	var arg strings.Builder
	var quote byte
	inside, escaped := false, false
	end := func() {
		args, inside, quote = append(args, arg.String()), false, 0
		arg.Reset()
	}
	for i := range len(line) {
		c := line[i]
		space := strings.IndexByte(" \t\n\v\f\r", c) >= 0
		switch {
		case escaped:
			arg.WriteByte(c)
			escaped = false
		case !inside && space:
		case !inside && (c == '"' || c == '\''):
			inside, quote = true, c
		case c == '\\':
			inside, escaped = true, true
		case inside && (quote != 0 && c == quote || quote == 0 && space):
			end()
		default:
			inside = true
			arg.WriteByte(c)
		}
	}
	if inside {
		end()
	}
	return args
}

func execute(args []string) int {
	if len(args) == 0 {
		return done
	}
	commands := map[string]func([]string) int{
		"add-generic-password": add, "find-generic-password": find, "delete-generic-password": remove,
	}
	command, ok := commands[args[0]]
	if !ok {
		return say(failed, "unknown command %q", args[0])
	}
	if err := wait(); err != nil {
		return say(failed, "%v", err)
	}
	result := command(args[1:])
	if result == usage {
		fmt.Fprintf(os.Stderr, "Usage: %s\n", args[0])
	}
	return result
}

func say(result int, format string, args ...any) int {
	fmt.Fprintf(os.Stderr, "security: "+format+"\n", args...)
	return result
}

var errOptions = errors.New("illegal options")

// getopt parses options of one letter as getopt(3) of macOS does: they may be run together, and the first
// argument that is none ends them. A colon behind a letter in known says that it takes a value.
func getopt(args []string, known string) (options map[byte]string, rest []string, err error) {
	options = map[byte]string{}
	for len(args) > 0 && len(args[0]) > 1 && args[0][0] == '-' {
		letters := args[0][1:]
		args = args[1:]
		for letters != "" {
			letter := letters[0]
			letters = letters[1:]
			at := strings.IndexByte(known, letter)
			if at < 0 {
				return nil, nil, errOptions
			}
			if !strings.HasPrefix(known[at+1:], ":") {
				options[letter] = ""
				continue
			}
			if letters == "" {
				if len(args) == 0 {
					return nil, nil, errOptions
				}
				letters, args = args[0], args[1:]
			}
			options[letter], letters = letters, ""
		}
	}
	return options, args, nil
}
