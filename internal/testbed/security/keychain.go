package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/gofrs/flock"

	"github.com/docker-pat/docker-pat/internal/atomicfile"
)

// A keychain is what the file holds: passwords by service and account.
type keychain map[string]map[string]string

// open reads the keychain, which nobody else changes until done is called. Locked says that its secrets
// cannot be had, and that nobody may be asked to unlock it.
func open() (k keychain, locked bool, done func(), err error) {
	path := os.Getenv("STANDIN_KEYCHAIN")
	lock := flock.New(path + ".lock")
	if err := lock.Lock(); err != nil {
		return nil, false, nil, err
	}
	k = keychain{}
	data, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(data, &k)
	} else if errors.Is(err, os.ErrNotExist) {
		err = nil
	}
	return k, os.Getenv("STANDIN_LOCKED") != "", func() { _ = lock.Unlock() }, err
}

func (k keychain) save() error {
	data, err := json.Marshal(k)
	if err != nil {
		return err
	}
	return atomicfile.Write(os.Getenv("STANDIN_KEYCHAIN"), data, atomicfile.Options{})
}

func add(args []string) int {
	options, rest, err := getopt(args, "a:c:C:D:G:j:l:s:p:w:UAT:")
	service, account := options['s'], options['a']
	if err != nil || service == "" || account == "" || len(rest) > 1 {
		return usage
	}
	if len(rest) == 1 {
		return say(noSuchKeychain, "SecKeychainItemCreateFromContent (%s): The specified keychain could not be found.", rest[0])
	}
	k, locked, done, err := open()
	if err != nil {
		return say(failed, "%v", err)
	}
	defer done()
	_, exists := k[service][account]
	_, update := options['U']
	switch {
	case locked:
		return say(interactionNotAllowed, "SecKeychainItemCreateFromContent (<default>): User interaction is not allowed.")
	case exists && !update:
		return say(duplicateItem, "SecKeychainItemCreateFromContent (<default>): The specified item already exists in the keychain.")
	case k[service] == nil:
		k[service] = map[string]string{}
	}
	k[service][account] = options['w']
	if err := k.save(); err != nil {
		return say(failed, "%v", err)
	}
	return 0
}

// find finds an item of a locked keychain, too: only the secret in it is encrypted.
func find(args []string) int {
	options, _, err := getopt(args, "a:c:C:D:G:j:l:s:gw")
	if err != nil {
		return usage
	}
	k, locked, done, err := open()
	if err != nil {
		return say(failed, "%v", err)
	}
	defer done()
	password, ok := k[options['s']][options['a']]
	switch _, shown := options['w']; {
	case !ok:
		return notFound()
	case locked:
		return interactionNotAllowed // and says nothing
	case shown && strings.ContainsFunc(password, func(r rune) bool { return r < ' ' || r > '~' }):
		fmt.Printf("%x\n", password)
	case shown:
		fmt.Println(password)
	}
	return 0
}

func remove(args []string) int {
	options, _, err := getopt(args, "a:c:C:D:G:j:l:s:g")
	if err != nil {
		return usage
	}
	k, locked, done, err := open()
	if err != nil {
		return say(failed, "%v", err)
	}
	defer done()
	if _, ok := k[options['s']][options['a']]; !ok {
		return notFound()
	}
	fmt.Printf("class: \"genp\"\nattributes:\n    \"acct\"<blob>=%q\n    \"svce\"<blob>=%q\n", options['a'], options['s'])
	defer fmt.Fprintln(os.Stderr, "password has been deleted.") // whether it was or not
	if locked {
		return interactionNotAllowed
	}
	delete(k[options['s']], options['a'])
	if err := k.save(); err != nil {
		return say(failed, "%v", err)
	}
	return 0
}

func notFound() int {
	return say(itemNotFound, "SecKeychainSearchCopyNext: The specified item could not be found in the keychain.")
}

// record writes down how the program was called, for everybody can read that.
func record(args []string) error {
	file, err := os.OpenFile(os.Getenv("STANDIN_KEYCHAIN")+".calls", os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(file, "%q\n", args)
	return errors.Join(err, file.Close())
}

// wait is a prompt that nobody answers, for as long as the file is there that STANDIN_PROMPT names. With
// STANDIN_BROKEN nothing works.
func wait() error {
	if os.Getenv("STANDIN_BROKEN") != "" {
		return errors.New("the security server cannot be reached")
	}
	for prompt := os.Getenv("STANDIN_PROMPT"); prompt != ""; time.Sleep(10 * time.Millisecond) {
		if _, err := os.Stat(prompt); err != nil {
			return err
		}
	}
	return nil
}
