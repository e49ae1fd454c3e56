package sandbox

import (
	"html/template"
	"net/http"
)

// activatePath is where a person ends the sign-in of a device.
const activatePath = "/activate"

// activationURL is the address of the page, at the host that the client asked.
func activationURL(r *http.Request) string {
	if asDockerHub(r) {
		return "https://" + signInHost + activatePath
	}
	return origin(r) + AuthPath + activatePath
}

// activationPage takes everything it shows through html/template, which escapes it. It has no script.
var activationPage = template.Must(template.New("activate").Parse(`<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>hub-sandbox: sign in</title>
</head>
<body>
<h1>Sign in to the Docker Hub of this machine</h1>
{{if .Note}}<p role="alert"><strong>{{.Note}}</strong></p>
{{end}}{{if .Done}}<p>You can close this page and go back to the terminal.</p>
{{else}}<p>A program asks to sign in. Go on only if it shows the same code. Use made-up passwords alone.</p>
<form method="post">
<p><label>Code <input name="user_code" value="{{.UserCode}}" autocomplete="off" required></label></p>
<p><label>Docker ID <input name="username" value="{{.Username}}" autocomplete="off" required></label></p>
<p><label>Password <input name="password" type="password" autocomplete="off" required></label></p>
<p><label>One-time code, if the account has one <input name="otp" autocomplete="off"></label></p>
<p><button name="decision" value="approve">Sign in</button>
<button name="decision" value="deny" formnovalidate>Deny</button></p>
</form>
{{end}}</body>
</html>
`))

// An activation is what the page shows.
type activation struct {
	UserCode, Username string
	Note               string
	Done               bool
}

// showActivation is the page with the form.
func (s *Sandbox) showActivation(w http.ResponseWriter, r *http.Request) {
	writePage(w, http.StatusOK, activation{UserCode: r.URL.Query().Get("user_code")})
}

// decideActivation takes the form. Whoever has the code may deny; to approve takes the password, and the
// one-time code of an account with a second factor.
func (s *Sandbox) decideActivation(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	if err := r.ParseForm(); err != nil {
		writePage(w, http.StatusBadRequest, activation{Note: "The form cannot be read."})
		return
	}
	shown := activation{UserCode: r.PostForm.Get("user_code"), Username: r.PostForm.Get("username")}
	decision := Decision(r.PostForm.Get("decision"))
	if decision != Deny {
		decision = Approve
	}
	if decision == Approve && !s.knows(r.PostForm.Get("username"), r.PostForm.Get("password"), r.PostForm.Get("otp")) {
		shown.Note = "The name, the password or the one-time code is wrong."
		writePage(w, http.StatusUnauthorized, shown)
		return
	}
	if shown.UserCode == "" || s.Decide(shown.UserCode, decision, shown.Username) != nil {
		shown.Note = "No sign-in is waiting under this code."
		writePage(w, http.StatusNotFound, shown)
		return
	}
	shown.Done, shown.Note = true, "Signed in as "+shown.Username+"."
	if decision == Deny {
		shown.Note = "Denied."
	}
	writePage(w, http.StatusOK, shown)
}

// knows checks all that an account asks of a person. A token is no password here.
func (s *Sandbox) knows(username, password, code string) bool {
	proven, err := s.authenticate(username, password)
	if err != nil || proven.token != nil {
		return false
	}
	return !proven.needsCode() || s.acceptCode(proven.account, randomText(), code) == nil
}

func writePage(w http.ResponseWriter, status int, shown activation) {
	header := w.Header()
	header.Set("Content-Type", "text/html; charset=utf-8")
	header.Set("Cache-Control", "no-store")
	header.Set("Content-Security-Policy", "default-src 'none'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Referrer-Policy", "no-referrer")
	w.WriteHeader(status)
	_ = activationPage.Execute(w, shown) // a browser that has gone away is not an error of the sandbox
}
