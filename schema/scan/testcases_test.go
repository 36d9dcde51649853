package scan

//lint:file-ignore SA5008 The tags are what encoding/json has to cope with.

import "reflect"

// The structs of this file are read twice: by encoding/json and by jsonFields, which must agree.

type plainCase struct {
	A int
	B string `json:"b"`
	c int
	D int `json:"-"`
	E int `json:"-,"`
	F int `json:",omitempty"`
	G int `json:"g,omitempty,string"`
	H int `json:"bad\"name"`
	I int `json:"with space"`
	J int `json:"größe"`
	K int `json:"a,b"`
}

type Inner struct {
	X int `json:"x"`
	Y int
	Z int `json:"shared"`
}

type inner struct {
	V int `json:"v"`
	w int
}

type Level2 struct {
	Deep int `json:"deep"`
	Both int `json:"both"`
}

type Level1 struct {
	Level2
	Mid int `json:"mid"`
}

type Other struct {
	Both   int `json:"both"`
	Shared int `json:"shared"`
}

type ID string

type embedCase struct {
	Before int
	Inner
	inner
	After int
}

type shadowCase struct {
	Inner
	X string `json:"x"`
}

// conflictCase embeds Inner and Other, both with a member "shared" of one depth. Vet would object to it in the source.
var conflictCase = embedding(reflect.TypeFor[Inner](), reflect.TypeFor[Other]())

func embedding(list ...reflect.Type) any {
	var fields []reflect.StructField
	for _, t := range list {
		fields = append(fields, reflect.StructField{Name: t.Name(), Type: t, Anonymous: true})
	}
	return reflect.New(reflect.StructOf(fields)).Elem().Interface()
}

type taggedWinsCase struct {
	A struct1
	struct1
	struct2
}

type struct1 struct {
	Name int
}

type struct2 struct {
	Title int `json:"Name"`
}

type deepCase struct {
	Level1
	Other
}

type namedEmbedCase struct {
	Inner `json:"inner"`
	*Level2
}

type pointerCase struct {
	*Inner
	P *int
}

type notStructCase struct {
	ID
	N int
}

// twiceCase reaches Common on two ways of one length.
var twiceCase = embedding(reflect.TypeFor[Left](), reflect.TypeFor[Right]())

type Left struct{ Common }

type Right struct{ Common }

type Common struct {
	C int `json:"c"`
}

type recursiveCase struct {
	*Recursive
	R int
}

type Recursive struct {
	*Recursive
	Own int
}

type sameStructCase struct {
	Own  int `json:"same"`
	Same int
	Less int `json:"Same"`
}

type emptyCase struct{}

type hiddenNameCase struct {
	inner `json:"named"`
	Q     int
}

type stringCase struct {
	A int            `json:",string"`
	B *bool          `json:",string"`
	C []int          `json:",string"`
	D string         `json:",string"`
	E map[string]int `json:"e,string,omitzero"`
}
