package server

import (
	"context"

	"thonsync/server/ingest"
	"thonsync/syncproto"
)

// eraseListed deletes the rows of registers about a request's citizen, whom no
// record may name, and the files that wait to be taken in.
func (n *Node) eraseListed(ctx context.Context, subject string) error {
	if subject == "" {
		return nil
	}
	n.registers.ForgetAll()
	if _, err := n.registers.Subjects(ctx, n.isSubject(subject)); err != nil {
		return err
	}
	// A file that could not be cleared at once is cleared soon: the look tells.
	if err := n.ingest.Purge(ctx); err != nil && syncproto.CodeOf(err) != syncproto.CodeOverload {
		return err
	}
	return nil
}

// listedSecrets gives what registers hold of a request's citizen; see marksOf.
func (n *Node) listedSecrets(ctx context.Context, subject string) (out []ingest.Secret, err error) {
	list, err := n.registers.Secrets(ctx, n.isSubject(subject))
	for _, s := range list {
		out = append(out, ingest.Secret{Name: s.Name, Value: s.Value, Shared: s.Shared})
	}
	return out, err
}

// unlisted gives those of the secrets that no row about anybody else contains.
func (n *Node) unlisted(ctx context.Context, subject string, secrets []ingest.Secret) ([]ingest.Secret, error) {
	values := make([][]byte, len(secrets))
	for i := range secrets {
		values[i] = secrets[i].Value
	}
	mentioned, err := n.registers.Mentioned(ctx, values, n.isSubject(subject))
	out := secrets[:0:0]
	for i, s := range secrets {
		if !s.Shared || !mentioned[i] {
			out = append(out, s)
		}
	}
	return out, err
}
