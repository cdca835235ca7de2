package strictyaml

import "github.com/goccy/go-yaml/ast"

// Words is a value that is one word, or a list of them, each kept as it was
// written: 007 stays 007, and 1.10 stays 1.10.
type Words struct {
	List   []string
	IsList bool // it was written as a list
}

// UnmarshalYAML implements yaml.NodeUnmarshaler.
func (w *Words) UnmarshalYAML(node ast.Node) error {
	if seq, ok := node.(*ast.SequenceNode); ok {
		w.IsList = true
		for _, n := range seq.Values {
			if err := w.add(n); err != nil {
				return err
			}
		}
		return nil
	}
	return w.add(node)
}

func (w *Words) add(node ast.Node) error {
	switch n := node.(type) {
	case *ast.StringNode:
		w.List = append(w.List, n.Value)
	case *ast.LiteralNode:
		w.List = append(w.List, n.Value.Value)
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		w.List = append(w.List, n.GetToken().Value)
	default:
		pos := node.GetToken().Position
		return &Error{Line: pos.Line, Column: pos.Column, Message: "a text, a number, true or false is expected here, or a list of these"}
	}
	return nil
}
