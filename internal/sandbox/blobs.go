package sandbox

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"sync"

	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// A blobStore keeps blobs in memory, for each repository apart. The library's own store has one pool for
// all repositories, so whoever may pull from any of them could fetch a private layer by its digest.
//
// The repository is taken from the context and not from the argument of that name: at the end of an
// upload the library passes "moby/hello/blobs" there.
type blobStore struct {
	mu    sync.Mutex
	blobs map[blobKey][]byte // the bytes never change
}

type blobKey struct {
	repository string
	digest     v1.Hash
}

var (
	_ registry.BlobHandler       = (*blobStore)(nil)
	_ registry.BlobStatHandler   = (*blobStore)(nil)
	_ registry.BlobPutHandler    = (*blobStore)(nil)
	_ registry.BlobDeleteHandler = (*blobStore)(nil)
)

func newBlobStore() *blobStore { return &blobStore{blobs: map[blobKey][]byte{}} }

type repositoryKey struct{}

// withRepository notes which repository a request is about, for the blob store behind the library.
func withRepository(r *http.Request, repository string) *http.Request {
	return r.WithContext(context.WithValue(r.Context(), repositoryKey{}, repository))
}

// key names a blob of the repository that the request is about.
func key(ctx context.Context, digest v1.Hash) blobKey {
	repository, _ := ctx.Value(repositoryKey{}).(string)
	return blobKey{repository, digest}
}

// A blobReader can also read at an offset, which the library wants for ranges.
type blobReader struct{ *bytes.Reader }

func (blobReader) Close() error { return nil }

// Get returns the content of a blob.
func (b *blobStore) Get(ctx context.Context, _ string, digest v1.Hash) (io.ReadCloser, error) {
	data, err := b.find(key(ctx, digest))
	if err != nil {
		return nil, err
	}
	return blobReader{bytes.NewReader(data)}, nil
}

// Stat returns the size of a blob in bytes.
func (b *blobStore) Stat(ctx context.Context, _ string, digest v1.Hash) (int64, error) {
	data, err := b.find(key(ctx, digest))
	return int64(len(data)), err
}

// Put keeps a blob. content fails on its last read when it does not fit the digest.
func (b *blobStore) Put(ctx context.Context, _ string, digest v1.Hash, content io.ReadCloser) error {
	data, err := io.ReadAll(content)
	if err != nil {
		return fmt.Errorf("read the blob: %w", err)
	}
	if err := content.Close(); err != nil {
		return fmt.Errorf("close the blob: %w", err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.blobs[key(ctx, digest)] = data
	return nil
}

// Delete forgets a blob in one repository. One that is not there is no error: the library would make a
// 500 of it.
func (b *blobStore) Delete(ctx context.Context, _ string, digest v1.Hash) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.blobs, key(ctx, digest))
	return nil
}

// link makes a blob of one repository also one of another, and reports whether it was there.
func (b *blobStore) link(from, to string, digest v1.Hash) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	data, ok := b.blobs[blobKey{from, digest}]
	if ok {
		b.blobs[blobKey{to, digest}] = data
	}
	return ok
}

func (b *blobStore) find(wanted blobKey) ([]byte, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	data, ok := b.blobs[wanted]
	if !ok {
		return nil, registry.ErrNotFound
	}
	return data, nil
}

// mount answers a cross-repository mount and reports whether it did. Otherwise the request goes on as
// the beginning of an upload, which is also the answer to a mount that is not allowed: so it does not
// tell whether the blob exists. The caller has checked that the bearer may pull from the other one.
// Source: OCI distribution specification, "Mounting a blob from another repository".
func (s *Sandbox) mount(w http.ResponseWriter, r *http.Request, asked registryRequest) bool {
	digest, err := v1.NewHash(r.URL.Query().Get("mount"))
	if err != nil || !s.blobs.link(asked.mount, asked.repository, digest) {
		return false
	}
	w.Header().Set("Location", "/v2/"+asked.repository+"/blobs/"+digest.String())
	w.Header().Set("Docker-Content-Digest", digest.String())
	w.WriteHeader(http.StatusCreated)
	return true
}
