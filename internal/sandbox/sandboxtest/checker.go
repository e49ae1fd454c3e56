package sandboxtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"

	"github.com/docker-pat/docker-pat/internal/sandbox"
)

// A checker checks the requests and replies of the Hub API and of the tenant on their way, and passes on
// the rest, of which is the page for a person.
type checker struct {
	t        testing.TB
	server   *Server
	contract routers.Router
	next     http.Handler
}

// ServeHTTP reports what does not fit and otherwise changes nothing: the client sees what the sandbox
// does with a wrong request. A reply that a fault cuts off leaves here as a panic, unchecked.
func (c *checker) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !strings.HasPrefix(r.URL.Path, sandbox.HubPath+"/") && !strings.HasPrefix(r.URL.Path, sandbox.AuthPath+"/oauth/") {
		c.next.ServeHTTP(w, r)
		return
	}
	route, params, err := c.contract.FindRoute(r)
	if err != nil {
		c.reportRequest(r, r.URL.Path, err)
		c.next.ServeHTTP(w, r)
		return
	}
	input := &openapi3filter.RequestValidationInput{
		Request: r, PathParams: params, Route: route, Options: checkOptions(),
	}
	if err := checkRequest(r.Context(), input); err != nil {
		c.reportRequest(r, route.Operation.OperationID, err)
	}
	reply := httptest.NewRecorder()
	c.next.ServeHTTP(reply, r)
	if reply.Header().Get(sandbox.FaultHeader) == "" {
		if err := checkReply(r.Context(), input, reply); err != nil {
			c.t.Errorf("%s: reply %d to %s %s: %v", route.Operation.OperationID, reply.Code, r.Method, r.URL.Path, err)
		}
	}
	for name, values := range reply.Header() {
		w.Header()[name] = values
	}
	w.WriteHeader(reply.Code)
	_, _ = w.Write(reply.Body.Bytes())
}

func (c *checker) reportRequest(r *http.Request, operation string, err error) {
	if !c.server.invalidAllowed() {
		c.t.Errorf("%s: request %s %s: %v", operation, r.Method, r.URL.Path, err)
	}
}

// checkRequest also refuses parameters of the query, members of a form and bodies that the document does
// not name, which the library lets pass.
func checkRequest(ctx context.Context, input *openapi3filter.RequestValidationInput) error {
	for name := range input.Request.URL.Query() {
		if input.Route.Operation.Parameters.GetByInAndName(openapi3.ParameterInQuery, name) == nil {
			return fmt.Errorf("undocumented query parameter %q", name)
		}
	}
	if err := checkForm(input); err != nil {
		return err
	}
	return openapi3filter.ValidateRequest(ctx, input)
}

const formType = "application/x-www-form-urlencoded"

func checkForm(input *openapi3filter.RequestValidationInput) error {
	r := input.Request
	if r.Header.Get("Content-Type") != formType || input.Route.Operation.RequestBody == nil {
		return nil
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return fmt.Errorf("read the form: %w", err)
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return errors.New("the form cannot be read") // its error may quote it
	}
	media := input.Route.Operation.RequestBody.Value.Content.Get(formType)
	for name, values := range form {
		if media == nil || media.Schema.Value.Properties[name] == nil {
			return fmt.Errorf("undocumented member %q of the form", name)
		}
		if len(values) > 1 {
			return fmt.Errorf("member %q of the form is there twice", name)
		}
	}
	return nil
}

func checkReply(ctx context.Context, input *openapi3filter.RequestValidationInput, reply *httptest.ResponseRecorder) error {
	body := reply.Body.Bytes()
	if reply.Code == http.StatusNoContent && len(body) > 0 {
		return fmt.Errorf("a body of %d bytes where none belongs", len(body))
	}
	return openapi3filter.ValidateResponse(ctx, &openapi3filter.ResponseValidationInput{
		RequestValidationInput: input, Status: reply.Code, Header: reply.Header(),
		Body: io.NopCloser(bytes.NewReader(body)), Options: checkOptions(),
	})
}

// checkOptions keep the values of a wrong body out of the report: they may be secrets. Who may do what
// is the sandbox's business, so a missing bearer is no fault of the request.
func checkOptions() *openapi3filter.Options {
	options := &openapi3filter.Options{
		IncludeResponseStatus:             true,
		RejectWhenRequestBodyNotSpecified: true,
		SkipSettingDefaults:               true,
		AuthenticationFunc:                openapi3filter.NoopAuthenticationFunc,
	}
	options.WithCustomSchemaErrorFunc(func(err *openapi3.SchemaError) string {
		where := "/" + strings.Join(err.JSONPointer(), "/") + ": "
		if err.SchemaField == "properties" {
			return where + err.Reason // names the member that is too much, without its value
		}
		return where + err.SchemaField + " of the schema is not met"
	})
	return options
}
