package main

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"github.com/docker-pat/docker-pat/internal/sandbox"
)

// checkLoopback accepts host:port only when nobody outside this machine can reach it. Of names it
// knows localhost alone: what others stand for depends on who is asked.
func checkLoopback(addr string) error {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return fmt.Errorf("--addr %q is not of the form HOST:PORT", addr)
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return fmt.Errorf("--addr %q: the port must be a number up to 65535", addr)
	}
	if host == "localhost" {
		return nil
	}
	if ip, err := netip.ParseAddr(host); err != nil || !ip.Unmap().IsLoopback() {
		return fmt.Errorf("--addr %q: only loopback addresses are allowed, such as 127.0.0.1, [::1] or localhost", addr)
	}
	return nil
}

// parseUsers reads NAME:PASSWORD and NAME:PASSWORD:TOTPSECRET. Its errors do not repeat the value,
// which holds a password.
func parseUsers(values []string) ([]sandbox.User, error) {
	users := make([]sandbox.User, 0, len(values))
	for i, value := range values {
		fields := strings.Split(value, ":")
		if len(fields) < 2 || len(fields) > 3 {
			return nil, fmt.Errorf("--user number %d is not of the form NAME:PASSWORD or NAME:PASSWORD:TOTPSECRET", i+1)
		}
		user := sandbox.User{Name: fields[0], Password: fields[1]}
		if len(fields) == 3 {
			user.TOTPSecret = fields[2]
		}
		users = append(users, user)
	}
	return users, nil
}

// parseOrganizations reads NAME:OWNERS, with MEMBERS and PLAN after further colons. Without a plan it is
// Team.
func parseOrganizations(values []string) ([]sandbox.Organization, error) {
	orgs := make([]sandbox.Organization, 0, len(values))
	for _, value := range values {
		fields := strings.Split(value, ":")
		if len(fields) < 2 || len(fields) > 4 {
			return nil, fmt.Errorf("--org %q is not of the form NAME:OWNERS, NAME:OWNERS:MEMBERS or NAME:OWNERS:MEMBERS:PLAN", value)
		}
		fields = append(fields, "", "")
		org := sandbox.Organization{Name: fields[0], Owners: splitNames(fields[1]), Members: splitNames(fields[2])}
		if fields[3] != "team" {
			org.Plan = sandbox.Plan(fields[3])
		}
		orgs = append(orgs, org)
	}
	return orgs, nil
}

func splitNames(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r == ',' })
}
