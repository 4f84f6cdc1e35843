package syncproto

import (
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/hpke"
	"crypto/sha256"
	"io"

	"golang.org/x/crypto/chacha20poly1305"
)

// The envelope protects an exchange end to end, whatever the transport: the
// request is signed by the asker and encapsulated with HPKE to the server's
// exchange key; the answer is signed by the server and encrypted under a key
// exported from the request's context, in the manner of Oblivious HTTP
// (RFC 9458 section 4.4). So an answer belongs to exactly one request.

var (
	requestMagic = [4]byte{'T', 'S', 'Q', Version}
	answerMagic  = [4]byte{'T', 'S', 'A', Version}
)

const (
	infoRequest   = "thonsync/1/exchange request"
	infoAnswer    = "thonsync/1/exchange answer"
	domainRequest = "thonsync/1/request\x00"
	domainAnswer  = "thonsync/1/answer\x00"
	exportBytes   = chacha20poly1305.KeySize
)

// Pending is the asker's half of one exchange: it opens the one answer that
// belongs to the request. It is not safe for concurrent use.
type Pending struct {
	enc     []byte
	secret  []byte
	request *Request
	sum     [sha256.Size]byte
}

// EncodeRequest signs and encapsulates a request to the server key to. The
// signature covers the server's key, the direction and the whole request.
func EncodeRequest(q *Request, key ed25519.PrivateKey, to SealPublic) ([]byte, *Pending, error) {
	return encapsulate(q, q.body(), key, to)
}

func encapsulate(q *Request, body []byte, key ed25519.PrivateKey, to SealPublic) ([]byte, *Pending, error) {
	signed := append(append([]byte(domainRequest), to.Bytes()...), body...)
	plain := append(ed25519.Sign(key, signed), body...)
	_, kdf, aead := hpkeSuite()
	enc, s, err := hpke.NewSender(to.key, kdf, aead, []byte(infoRequest))
	if err != nil {
		return nil, nil, Wrap(CodeInternal, err, "encapsulating a request failed")
	}
	head := append(append(append([]byte(nil), requestMagic[:]...), to.ID[:]...), enc...)
	ct, err := s.Seal(head, plain)
	if err != nil {
		return nil, nil, Wrap(CodeInternal, err, "encapsulating a request failed")
	}
	secret, err := s.Export(infoAnswer, exportBytes)
	if err != nil {
		return nil, nil, Wrap(CodeInternal, err, "encapsulating a request failed")
	}
	if len(head)+len(ct) > MaxMessageBytes {
		return nil, nil, Errorf(CodeTooLarge, "request of %d bytes, at most %d are allowed", len(head)+len(ct), MaxMessageBytes)
	}
	p := &Pending{enc: enc, secret: secret, request: q, sum: sha256.Sum256(plain)}
	return append(head, ct...), p, nil
}

// Opened is the server's half of one exchange.
type Opened struct {
	*Request
	enc    []byte
	secret []byte
	sum    [sha256.Size]byte
	signed []byte
	sig    []byte
}

// OpenRequest decapsulates a request. Its signature is checked by
// VerifySender, once the caller knows the sender's key from its credentials.
// CodeOldKey means that the request was for a key not held: answer with the
// current key notice.
func OpenRequest(b []byte, keys Keyring) (*Opened, error) {
	if len(b) > MaxMessageBytes {
		return nil, Errorf(CodeTooLarge, "request of %d bytes, at most %d are allowed", len(b), MaxMessageBytes)
	}
	r := reader{buf: b}
	magic := r.take(4)
	var id KeyID
	copy(id[:], r.take(4))
	enc := append([]byte(nil), r.take(32)...)
	if r.err != nil {
		return nil, r.err
	}
	if string(magic[:3]) != string(requestMagic[:3]) {
		return nil, Errorf(CodeMalformed, "not an exchange request")
	}
	if magic[3] != Version {
		return nil, Errorf(CodeVersion, "request of protocol version %d; this server speaks version %d", magic[3], Version)
	}
	key, ok := keys(id)
	if !ok {
		return nil, Errorf(CodeOldKey, "request is for key %x, which is not in use: take the new key from the notice and ask again", id)
	}
	_, kdf, aead := hpkeSuite()
	rc, err := hpke.NewRecipient(enc, key.key, kdf, aead, []byte(infoRequest))
	if err != nil {
		return nil, Wrap(CodeMalformed, err, "encapsulated key is damaged")
	}
	plain, err := rc.Open(b[:r.off], b[r.off:])
	if err != nil {
		return nil, Wrap(CodeUnreadable, err, "request does not open: it was changed on the way")
	}
	secret, err := rc.Export(infoAnswer, exportBytes)
	if err != nil || len(plain) < ed25519.SignatureSize {
		return nil, Errorf(CodeMalformed, "request is too short")
	}
	return openPlain(plain, enc, secret, key)
}

func openPlain(plain, enc, secret []byte, key SealPrivate) (*Opened, error) {
	sig, body := plain[:ed25519.SignatureSize], plain[ed25519.SignatureSize:]
	q, err := decodeRequest(body)
	if err != nil {
		return nil, err
	}
	signed := append(append([]byte(domainRequest), key.Public.Bytes()...), body...)
	return &Opened{Request: q, enc: enc, secret: secret, sum: sha256.Sum256(plain), signed: signed, sig: sig}, nil
}

// VerifySender checks that pub belongs to the request's origin and signed it.
func (o *Opened) VerifySender(pub ed25519.PublicKey) error {
	if len(pub) != ed25519.PublicKeySize || OriginOf(pub) != o.Origin {
		return Errorf(CodeForeignKey, "request of origin %s is not under the key of its credential", o.Origin)
	}
	if !ed25519.Verify(pub, o.signed, o.sig) {
		return Errorf(CodeSignature, "request of origin %s: signature does not verify", o.Origin)
	}
	return nil
}

// EncodeAnswer signs and encrypts the answer to o. random must be a source of
// cryptographic randomness.
func (o *Opened) EncodeAnswer(a *Answer, key ed25519.PrivateKey, random io.Reader) ([]byte, error) {
	a.ID = o.ID
	a.Origin = OriginOf(key.Public().(ed25519.PublicKey))
	body := a.body()
	signed := append(append([]byte(domainAnswer), o.sum[:]...), body...)
	plain := append(ed25519.Sign(key, signed), body...)
	nonce := make([]byte, exportBytes)
	if _, err := io.ReadFull(random, nonce); err != nil {
		return nil, Wrap(CodeInternal, err, "no randomness for the answer")
	}
	aead, iv, err := answerKey(o.secret, o.enc, nonce)
	if err != nil {
		return nil, err
	}
	out := append(append([]byte(nil), answerMagic[:]...), nonce...)
	out = aead(true, out, iv, plain)
	if len(out) > MaxMessageBytes {
		return nil, Errorf(CodeTooLarge, "answer of %d bytes, at most %d are allowed", len(out), MaxMessageBytes)
	}
	return out, nil
}

type aeadFunc func(seal bool, dst, nonce, in []byte) []byte

func answerKey(secret, enc, nonce []byte) (aeadFunc, []byte, error) {
	salt := append(append([]byte(nil), enc...), nonce...)
	prk, err := hkdf.Extract(sha256.New, secret, salt)
	if err != nil {
		return nil, nil, Wrap(CodeInternal, err, "deriving the answer's key failed")
	}
	key, err := hkdf.Expand(sha256.New, prk, "key", chacha20poly1305.KeySize)
	if err != nil {
		return nil, nil, Wrap(CodeInternal, err, "deriving the answer's key failed")
	}
	iv, err := hkdf.Expand(sha256.New, prk, "nonce", chacha20poly1305.NonceSize)
	if err != nil {
		return nil, nil, Wrap(CodeInternal, err, "deriving the answer's key failed")
	}
	aead, err := chacha20poly1305.New(key)
	if err != nil {
		return nil, nil, Wrap(CodeInternal, err, "deriving the answer's key failed")
	}
	return func(seal bool, dst, iv, in []byte) []byte {
		if seal {
			return aead.Seal(dst, iv, in, nil)
		}
		out, err := aead.Open(dst, iv, in, nil)
		if err != nil {
			return nil
		}
		return out
	}, iv, nil
}

// OpenAnswer decrypts the answer and checks that the server whose key is pub
// signed it for this very request.
func (p *Pending) OpenAnswer(b []byte, pub ed25519.PublicKey) (*Answer, error) {
	if len(b) > MaxMessageBytes {
		return nil, Errorf(CodeTooLarge, "answer of %d bytes, at most %d are allowed", len(b), MaxMessageBytes)
	}
	if len(b) < 4+exportBytes || string(b[:3]) != string(answerMagic[:3]) {
		return nil, Errorf(CodeMalformed, "not an exchange answer: something on the way replied instead of the server")
	}
	if b[3] != Version {
		return nil, Errorf(CodeVersion, "answer of protocol version %d; this program speaks version %d", b[3], Version)
	}
	aead, iv, err := answerKey(p.secret, p.enc, b[4:4+exportBytes])
	if err != nil {
		return nil, err
	}
	plain := aead(false, nil, iv, b[4+exportBytes:])
	if len(plain) < ed25519.SignatureSize {
		return nil, Errorf(CodeReplay, "answer does not open under this request: changed on the way, or for another request")
	}
	sig, body := plain[:ed25519.SignatureSize], plain[ed25519.SignatureSize:]
	signed := append(append([]byte(domainAnswer), p.sum[:]...), body...)
	if len(pub) != ed25519.PublicKeySize || !ed25519.Verify(pub, signed, sig) {
		return nil, Errorf(CodeSignature, "answer: signature of the server does not verify")
	}
	a, err := decodeAnswer(body)
	if err != nil {
		return nil, err
	}
	if a.ID != p.request.ID || a.Origin != OriginOf(pub) {
		return nil, Errorf(CodeReplay, "answer belongs to another request")
	}
	return a, nil
}
