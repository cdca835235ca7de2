// Package strictyaml reads YAML documents that people write by hand: what is
// not understood is an error with its place and the nearest right key.
package strictyaml
