package sandboxtest

import (
	"context"
	"errors"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"
)

// SignInOnPage does what a person does in a browser that was sent to a page of the sandbox's tenant: looks
// at it, fills in the form and sends it.
func SignInOnPage(ctx context.Context, page, username, password string) error {
	status, body, err := browse(ctx, http.MethodGet, page, nil)
	if err != nil {
		return err
	}
	match := codeInput.FindStringSubmatch(body)
	if status != http.StatusOK || match == nil {
		return fmt.Errorf("the page answers %d, or has no code in it", status)
	}
	status, _, err = browse(ctx, http.MethodPost, page, url.Values{
		"user_code": {html.UnescapeString(match[1])}, "username": {username}, "password": {password}, "decision": {"approve"},
	})
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("the form is answered with %d", status)
	}
	return err
}

const pageTimeout = 30 * time.Second

var codeInput = regexp.MustCompile(`<input name="user_code" value="([^"]+)"`)

func browse(ctx context.Context, method, page string, form url.Values) (int, string, error) {
	ctx, cancel := context.WithTimeout(ctx, pageTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, page, strings.NewReader(form.Encode()))
	if err != nil {
		return 0, "", errors.New("not the address of a page")
	}
	request.Header.Set("Content-Type", formType)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	return response.StatusCode, string(body), err
}
