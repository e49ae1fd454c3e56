package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"github.com/docker-pat/docker-pat/credhelper"
	"github.com/docker-pat/docker-pat/internal/dockerconfig"
	"github.com/docker-pat/docker-pat/internal/wiring"
)

const (
	noConfig = "Docker's config.json cannot be read"
	hubHost  = "docker.io" // the name of Docker Hub for podman, skopeo and buildah
)

func (x exam) dockerConfig(context.Context) (exam, []Finding) {
	if x.Settings.DockerConfigDir == "" {
		return x, []Finding{notChecked("docker-config", "its folder is not known")}
	}
	path := dockerconfig.Path(x.Settings.DockerConfigDir)
	config, err := dockerconfig.Load(path)
	if err != nil {
		return x, []Finding{problem("docker-config", err.Error(), configRemedy(path, err))}
	}
	x.config = config
	if !config.Exists() {
		return x, []Finding{ok("docker-config", path+" is not there, so Docker has its defaults")}
	}
	return x, []Finding{ok("docker-config", path)}
}

func configRemedy(path string, err error) string {
	var malformed *dockerconfig.MalformedError
	switch {
	case errors.As(err, &malformed):
		return fmt.Sprintf("correct line %d of %s", malformed.Line, path)
	case errors.Is(err, fs.ErrPermission):
		return "make " + path + " readable for you"
	}
	return "put a file in the place of " + path
}

// wired looks at what Docker, and what podman, skopeo and buildah are told.
func (x exam) wired(context.Context) (exam, []Finding) {
	if x.config == nil {
		return x, []Finding{
			notChecked("docker-helper", noConfig), notChecked("creds-store", noConfig),
			notChecked("cred-helpers", noConfig), notChecked("podman", noConfig),
		}
	}
	return x, []Finding{x.dockerHelper(), x.credsStore(), x.credHelpers(), x.podman()}
}

// dockerHelper is about the registry that tokens belong to.
func (x exam) dockerHelper() Finding {
	const check = "docker-helper"
	key, err := credhelper.Key(x.Settings.Registry)
	if err != nil {
		return notChecked(check, "DOCKER_PAT_REGISTRY: "+err.Error())
	}
	name := wiring.HelperFor(x.config, key)
	_, own := x.config.CredHelpers()[key]
	entry := fmt.Sprintf("credHelpers[%q]", key)
	remedy := x.command("setup")
	switch {
	case name == wiring.Suffix:
		return ok(check, "Docker asks "+program(name)+" about "+key)
	case own && x.config.CredsStore() == wiring.Suffix && name == "":
		return problem(check, entry+" is empty and goes before credsStore: Docker keeps that credential in clear", remedy)
	case own && x.config.CredsStore() == wiring.Suffix:
		return problem(check, entry+" names "+program(name)+" and goes before credsStore", remedy)
	case name == "":
		return problem(check, "Docker asks no credential helper about "+key, remedy)
	}
	return problem(check, "Docker asks "+program(name)+" about "+key, remedy)
}

func (x exam) credsStore() Finding {
	const check = "creds-store"
	switch name := x.config.CredsStore(); {
	case name == "":
		return ok(check, "none")
	case name != wiring.Suffix && len(x.onPath(program(name))) == 0:
		return problem(check, program(name)+" is not on PATH, and Docker asks it about every other registry", x.command("setup"))
	default:
		return ok(check, name)
	}
}

// credHelpers is about the entries of other registries, and about other spellings of the one that tokens
// belong to: a docker login to one of those goes to that helper.
func (x exam) credHelpers() Finding {
	const check = "cred-helpers"
	registry, _ := credhelper.Key(x.Settings.Registry)
	helpers := x.config.CredHelpers()
	var shadows, missing []string
	for _, server := range slices.Sorted(maps.Keys(helpers)) {
		key, err := credhelper.Key(server)
		name := helpers[server]
		switch {
		case name == wiring.Suffix || server == hubHost || server == registry:
		case err == nil && key == registry:
			shadows = append(shadows, fmt.Sprintf("credHelpers[%q]", server))
		case name != "" && len(x.onPath(program(name))) == 0:
			missing = append(missing, program(name)+" for "+server)
		}
	}
	switch {
	case len(shadows) > 0:
		list := strings.Join(shadows, " and ")
		return problem(check, list+" means "+registry+", too, and is not docker-pat's", x.command("setup"))
	case len(missing) > 0:
		return note(check, "not on PATH: "+strings.Join(missing, ", "), "install it, or take it out of "+x.config.Path())
	}
	return ok(check, "no other helper is in the way")
}

func (x exam) podman() Finding {
	const check = "podman"
	name, there := x.config.CredHelpers()[hubHost]
	switch {
	case name == wiring.Suffix:
		return ok(check, "podman, skopeo and buildah ask "+program(name)+" about "+hubHost)
	case !there:
		return note(check, "podman, skopeo and buildah do not ask docker-pat about "+hubHost, x.command("setup"))
	}
	return problem(check, fmt.Sprintf("credHelpers[%q] names %q: podman, skopeo and buildah ask there", hubHost, name), x.command("setup"))
}

func program(suffix string) string { return "docker-credential-" + suffix }
