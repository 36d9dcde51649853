package badger

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/table"
	"github.com/dgraph-io/ristretto/v2/z"
)

// checkTables opens every table of the database once and closes it again. Badger opens them in goroutines of its own,
// where a damaged one is a panic that nobody can catch; here it becomes an error. The caller holds the directory.
// A table takes some 100 µs, mostly for finding its index.
func checkTables(dir string, o badger.Options) error {
	file, err := os.Open(filepath.Join(dir, badger.ManifestFilename))
	if errors.Is(err, os.ErrNotExist) {
		return nil // a new database
	}
	if err != nil {
		return err
	}
	manifest, _, err := badger.ReplayManifestFile(file, o.ExternalMagicVersion, o)
	if err := errors.Join(err, file.Close()); err != nil {
		return fmt.Errorf("read its manifest: %w", err)
	}
	// Tables that the manifest does not name are left over from a kill; Badger removes them.
	for id := range manifest.Tables {
		if err := checkTable(table.NewFilename(id, dir)); err != nil {
			return err
		}
	}
	return nil
}

func checkTable(name string) (err error) {
	defer func() {
		if recover() != nil { // the text is Badger's account of the file in many lines
			err = fmt.Errorf("table %s cannot be read", filepath.Base(name))
		}
	}()
	file, err := z.OpenMmapFile(name, os.O_RDONLY, 0)
	if err != nil {
		return fmt.Errorf("open table: %w", err)
	}
	defer func() { err = errors.Join(err, file.Close(-1)) }()
	if _, err := table.OpenTable(file, table.Options{}); err != nil {
		return fmt.Errorf("table %s: %w", filepath.Base(name), err)
	}
	return nil
}
