//go:build !unix

package capture

import "os"

// Other systems refuse to delete or rename a file that is open, and have no
// directories to sync.

func lock(*os.File) error { return nil }

func deleted(os.FileInfo) bool { return false }

func syncDir(string) error { return nil }
