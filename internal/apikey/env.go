package apikey

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"wolgate/internal/files"
)

// envID is both the id and the name of the key from the environment.
const envID = "env"

// Bounds of a key from the environment, in characters.
const (
	minEnvKey = 24
	maxEnvKey = 512
)

// EnvKey is the one extra key that comes from the environment instead of the
// file: any text, every scope, every target, no end. The zero EnvKey is none.
type EnvKey struct {
	// Pointer, so fmt prints an address: the key may be weak and its hash guessable.
	digest *[sha256.Size]byte
}

// ParseEnvKey reads the text of API_KEY or of the file that API_KEY_FILE names;
// white space around it is ignored. It refuses a key that could be guessed or that no
// Authorization header could carry. The error quotes nothing of it.
func ParseEnvKey(text string) (EnvKey, error) {
	text = strings.TrimSpace(text)
	if err := checkEnvKey(text); err != nil {
		return EnvKey{}, fmt.Errorf("%w: make one with openssl rand -base64 32, or use api-server keys add NAME instead", err)
	}
	digest := sha256.Sum256([]byte(text))
	return EnvKey{digest: &digest}, nil
}

// LoadEnvKey reads the file that API_KEY_FILE names. The error begins with API_KEY_FILE.
func LoadEnvKey(path string) (EnvKey, error) {
	text, err := files.Read(path, files.Secret)
	var key EnvKey
	if err == nil {
		key, err = ParseEnvKey(string(text))
	}
	_, open := errors.AsType[files.ModeError](err)
	switch {
	case err == nil:
		return key, nil
	case open: // Compose ignores the mode that its file gives a secret
		return EnvKey{}, fmt.Errorf("API_KEY_FILE: %w; where it is mounted, on the host: chown root:%d and chmod 0440", err, os.Getgid())
	case errors.Is(err, fs.ErrPermission):
		return EnvKey{}, fmt.Errorf("API_KEY_FILE: %w: make the file readable for api-server", err)
	case errors.Is(err, fs.ErrNotExist):
		return EnvKey{}, fmt.Errorf("API_KEY_FILE: %w: create the file, or omit API_KEY_FILE", err)
	}
	return EnvKey{}, fmt.Errorf("API_KEY_FILE: %w", err)
}

func checkEnvKey(text string) error {
	switch {
	case len(text) < minEnvKey:
		return fmt.Errorf("the key is shorter than %d characters", minEnvKey)
	case len(text) > maxEnvKey:
		return fmt.Errorf("the key is longer than %d characters", maxEnvKey)
	case text[0] == text[len(text)-1] && (text[0] == '"' || text[0] == '\''):
		return errors.New("the key is in quotes, which callers would have to send as well: omit the quotes")
	}
	distinct := map[byte]bool{}
	for i := range len(text) {
		c := text[i]
		if c <= ' ' || c > '~' || c == ',' {
			return errors.New("the key holds a space, a comma or a character beyond printable ASCII")
		}
		distinct[c] = true
	}
	if len(distinct) < 8 {
		return errors.New("the key has fewer than 8 different characters")
	}
	plain := strings.NewReplacer("-", "", "_", "", ".", "").Replace(strings.ToLower(text))
	for _, word := range placeholders() {
		if strings.Contains(plain, word) {
			return errors.New("the key is a placeholder from an example, or built on one")
		}
	}
	return nil
}

// placeholders lists the words of examples in place of a key, in lower case and without
// - _ and dots. Each is too long to appear in a random key: six letters do in one of 20
// million.
func placeholders() []string {
	return []string{
		"changeme", "changethis", "replaceme", "replacethis", "placeholder", "example", "insert",
		"yourkey", "yourapikey", "yoursecret", "yourtoken", "myapikey", "mysecret", "secretkey", "supersecret",
		"password", "passw0rd", "letmein", "12345678", "abcdefgh", "qwertyui", "deadbeef",
	}
}
