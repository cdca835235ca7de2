package capture

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// rotatedName is the name of the nth full file: capture.000001.jsonl. It sorts
// before capture.jsonl, so that a shell's capture*.jsonl is in order.
func rotatedName(path string, n int) string {
	ext := filepath.Ext(path)
	return fmt.Sprintf("%s.%06d%s", strings.TrimSuffix(path, ext), n, ext)
}

// Files lists the files of a capture in the order in which they were written:
// the full ones, then path itself if it exists.
func Files(path string) ([]string, error) {
	numbers, err := numbersOf(path)
	if err != nil {
		return nil, err
	}
	var files []string
	for _, n := range numbers {
		files = append(files, rotatedName(path, n))
	}
	if _, err := os.Stat(path); err == nil {
		files = append(files, path)
	} else if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return files, nil
}

// lastNumber is the highest number of a full file, 0 where there is none.
func lastNumber(path string) (int, error) {
	numbers, err := numbersOf(path)
	if len(numbers) == 0 {
		return 0, err
	}
	return numbers[len(numbers)-1], nil
}

func numbersOf(path string) ([]int, error) {
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	ext := filepath.Ext(path)
	prefix := strings.TrimSuffix(filepath.Base(path), ext) + "."
	var numbers []int
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), prefix) {
			continue
		}
		middle := strings.TrimSuffix(e.Name()[len(prefix):], ext)
		// The name has to be the one that this number gets: no sign, no other width.
		if n, err := strconv.Atoi(middle); err == nil && n > 0 && filepath.Base(rotatedName(path, n)) == e.Name() {
			numbers = append(numbers, n)
		}
	}
	slices.Sort(numbers)
	return numbers, nil
}
