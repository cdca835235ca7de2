//go:build unix

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// writable refuses to write through a link that somebody else may have planted: a
// symbolic link in a folder that everybody may write to, unless it belongs to the
// user or to the folder's owner. It is the rule of Linux for sticky folders, for
// all such folders and systems. Links in other folders are followed.
func writable(path string) error { return refusePlanted(path, uint32(os.Geteuid())) }

func refusePlanted(path string, user uint32) error {
	at, err := filepath.Abs(path)
	if err != nil {
		return err
	}
	for ; at != filepath.Dir(at); at = filepath.Dir(at) {
		link, err := os.Lstat(at)
		if err != nil || link.Mode()&os.ModeSymlink == 0 {
			continue // opening it reports the error
		}
		folder, err := os.Stat(filepath.Dir(at))
		if err != nil || folder.Mode().Perm()&0o002 == 0 {
			continue
		}
		owner, ok := link.Sys().(*syscall.Stat_t)
		host, hosts := folder.Sys().(*syscall.Stat_t)
		if !ok || !hosts || owner.Uid != user && owner.Uid != host.Uid {
			return fmt.Errorf("%s is a symbolic link of another user in a folder that everybody may write to; name the file itself", at)
		}
	}
	return nil
}
