// Package strictjson decodes JSON that two readers must not understand in two ways.
package strictjson
