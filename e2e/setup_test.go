package e2e

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// TestPlaintextLoginIsMovedBySetup begins where most people are: Docker has written the token into
// config.json, and nothing of docker-pat is linked anywhere.
func TestPlaintextLoginIsMovedBySetup(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	helper, plugin := filepath.Join(m.bin, "docker-credential-pat"), filepath.Join(m.dockerConfig, "cli-plugins", "docker-pat")
	m.do(os.Remove(helper))
	m.signIn()
	secret := m.printedToken("laptop")
	m.login(m.registry, secret).exits(0).says("Login Succeeded")
	before := m.readConfig()
	if entry := m.config().Auths[m.registry]; entry.Auth == "" {
		t.Fatalf("without a helper Docker should keep the token in config.json:\n%s", before)
	}

	dry := m.run("docker-pat", "setup", "--dry-run").exits(0).hides(secret)
	if !bytes.Equal(m.readConfig(), before) || exists(helper) || exists(plugin) {
		t.Errorf("a dry run should change nothing:\n%s", dry)
	}
	m.run("docker-pat", "setup").exits(0).hides(secret).prints(dry.stdout)
	m.holds(m.registry, user, secret)
	m.noneOnDisk(secret)
	if m.config().CredsStore != "pat" || !exists(helper) || !exists(plugin) {
		t.Errorf("Docker should be told of the helper and the plugin:\n%s", m.readConfig())
	}
	m.run("docker", "pat", "list").exits(0).says("laptop")

	wired := m.readConfig()
	m.run("docker-pat", "setup").exits(0).prints("").says("nothing to change")
	if !bytes.Equal(m.readConfig(), wired) {
		t.Errorf("a second setup should change nothing:\n%s\nand before it:\n%s", m.readConfig(), wired)
	}

	m.run("docker-pat", "setup", "--undo").exits(0).hides(secret)
	if after := m.readConfig(); !bytes.Equal(after, before) {
		t.Errorf("undo should bring back\n%s\nand left\n%s", before, after)
	}
	if exists(helper) || exists(plugin) {
		t.Errorf("undo should remove the links: %s %v, %s %v", helper, exists(helper), plugin, exists(plugin))
	}
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}
