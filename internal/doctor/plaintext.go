package doctor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"runtime"
	"slices"
	"strings"

	"github.com/docker-pat/docker-pat/credhelper"
	"github.com/docker-pat/docker-pat/internal/dockerconfig"
)

// plaintext looks for credentials in Docker's config.json. It tells names and never values.
func (x exam) plaintext(context.Context) (exam, []Finding) {
	if x.config == nil {
		return x, []Finding{notChecked("plaintext", noConfig), notChecked("auths", noConfig), notChecked("config-mode", noConfig)}
	}
	auths, faults := x.config.PlaintextAuths()
	return x, []Finding{x.inClear(auths), x.broken(faults), x.configMode(len(auths)+len(faults) > 0)}
}

func (x exam) inClear(auths []dockerconfig.PlaintextAuth) Finding {
	const check = "plaintext"
	if len(auths) == 0 {
		return ok(check, "config.json holds no credential in clear")
	}
	var names []string
	registry, _ := credhelper.Key(x.Settings.Registry)
	password := false
	for _, a := range auths {
		names = append(names, a.ServerURL)
		key, err := credhelper.Key(a.ServerURL)
		isPassword := a.Username != dockerconfig.TokenUsername && !credhelper.IsToken(a.Secret.Reveal())
		password = password || err == nil && isPassword && (key == credhelper.HubKey || key == registry)
	}
	remedy := x.command("setup")
	if password { // which setup does not move anywhere, and wipes when there is a token in its place
		remedy = x.command("create") + ", then " + x.Name + " setup"
	}
	return problem(check, "config.json holds credentials in clear: "+strings.Join(names, ", "), remedy)
}

func (x exam) broken(faults []*dockerconfig.AuthError) Finding {
	const check = "auths"
	finding := ok(check, "every entry can be read")
	for _, fault := range faults {
		remedy := fmt.Sprintf("take auths[%q] out of %s", fault.ServerURL, x.config.Path())
		switch {
		case errors.Is(fault, dockerconfig.ErrBadAuth):
			return problem(check, fmt.Sprintf("auths[%q] is broken, and Docker does not read a file with such an entry", fault.ServerURL), remedy)
		case finding.Status == OK:
			finding = note(check, fault.Error(), remedy)
		}
	}
	return finding
}

func (x exam) configMode(secrets bool) Finding {
	const check = "config-mode"
	info, err := os.Stat(x.config.Path())
	if err != nil || !secrets || runtime.GOOS == "windows" {
		return ok(check, "config.json holds nothing that others may not read")
	}
	if info.Mode().Perm()&0o044 != 0 {
		found := fmt.Sprintf("others on this machine can read the credentials in %s (mode %04o)", x.config.Path(), info.Mode().Perm())
		return problem(check, found, "run chmod 600 "+shellQuote(x.config.Path()))
	}
	return ok(check, fmt.Sprintf("mode %04o", info.Mode().Perm()))
}

// authConfig is about DOCKER_AUTH_CONFIG, which Docker since 28.3 reads before it asks any helper.
// Source: docker/cli, cli/config/configfile/file.go.
func (x exam) authConfig(context.Context) (exam, []Finding) {
	const check, name = "docker-auth-config", "DOCKER_AUTH_CONFIG"
	text := x.Env(name)
	if text == "" {
		return x, []Finding{ok(check, name+" is not set")}
	}
	var file struct {
		Auths map[string]json.RawMessage `json:"auths"`
	}
	if json.Unmarshal([]byte(text), &file) != nil {
		return x, []Finding{note(check, name+" is set and cannot be read: Docker complains and ignores it", "unset "+name)}
	}
	registry, _ := credhelper.Key(x.Settings.Registry)
	servers := slices.Sorted(maps.Keys(file.Auths))
	if slices.ContainsFunc(servers, func(s string) bool { key, err := credhelper.Key(s); return err == nil && key == registry }) {
		return x, []Finding{problem(check, name+" is set and goes before the helper: Docker takes its credential of "+registry+" from there", "unset "+name)}
	}
	return x, []Finding{note(check, name+" is set and goes before the helper, for "+or(strings.Join(servers, ", "), "no registry"), "unset "+name)}
}

func or(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

// shellQuote makes a path one word of a shell.
func shellQuote(path string) string {
	const plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-+:@"
	if strings.Trim(path, plain) == "" {
		return path
	}
	return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
}
