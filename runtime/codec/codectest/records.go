// Package codectest holds records of every kind with their generated codecs, to test and to measure what faustgen generates.
// It is not meant for programs.
package codectest

//go:generate go run ../../../cmd/faustgen

import (
	"net/netip"
	"time"
)

// Order is a flat record: strings, numbers and a time.
//
//faust:record time=TS
type Order struct {
	AccountID string    `json:"account_id"`
	ProductID string    `json:"product_id"`
	Amount    int       `json:"amount"`
	Price     float64   `json:"price"`
	TS        time.Time `json:"ts"`
}

// Power is a flat record of numbers.
//
//faust:record
type Power struct {
	Datetime    string  `json:"datetime"`
	Active      float64 `json:"global_active_power"`
	Reactive    float64 `json:"global_reactive_power"`
	Voltage     float64 `json:"voltage"`
	Intensity   float64 `json:"global_intensity"`
	Sub1        float64 `json:"sub_metering_1"`
	Sub2        float64 `json:"sub_metering_2"`
	Sub3        float64 `json:"sub_metering_3"`
	Temperature float64 `json:"temperature"`
}

// Address is reached by Customer and has no directive.
type Address struct {
	Street  string  `json:"street"`
	City    string  `json:"city"`
	Zip     string  `json:"zip"`
	Country string  `json:"country"`
	Lat     float64 `json:"lat"`
	Lon     float64 `json:"lon"`
}

// Pref is reached by Customer through a map.
type Pref struct {
	Enabled bool   `json:"enabled"`
	Level   int    `json:"level"`
	Label   string `json:"label"`
}

// Customer is a nested record.
//
//faust:record
type Customer struct {
	ID       string            `json:"id"`
	Name     string            `json:"name"`
	Email    string            `json:"email"`
	Address  Address           `json:"address"`
	Tags     []string          `json:"tags"`
	Orders   []Order           `json:"orders"`
	Attrs    map[string]string `json:"attrs"`
	Optional *string           `json:"optional"`
	Nested   map[string]Pref   `json:"nested"`
}

// Defined types of every scalar kind.
type (
	Text  string
	Level int8
	Count uint16
	Ratio float32
	Flag  bool
	Stamp time.Time
	Blob  []byte
	Names []Text
)

// Kinds has a field of every kind.
//
//faust:record
type Kinds struct {
	B      bool                  `json:"b"`
	I      int                   `json:"i"`
	I8     int8                  `json:"i8"`
	I16    int16                 `json:"i16"`
	I32    int32                 `json:"i32"`
	I64    int64                 `json:"i64"`
	U      uint                  `json:"u"`
	U8     uint8                 `json:"u8"`
	U16    uint16                `json:"u16"`
	U32    uint32                `json:"u32"`
	U64    uint64                `json:"u64"`
	F32    float32               `json:"f32"`
	F64    float64               `json:"f64"`
	S      string                `json:"s"`
	Data   []byte                `json:"data"`
	T      time.Time             `json:"t"`
	D      time.Duration         `json:"d"`
	P      *int                  `json:"p"`
	PP     **string              `json:"pp"`
	PT     *time.Time            `json:"pt"`
	Arr    [3]int                `json:"arr"`
	ArrS   [2]string             `json:"arr_s"`
	Hash   [4]byte               `json:"hash"`
	Matrix [][]float64           `json:"matrix"`
	ByText map[Text]int          `json:"by_text"`
	ByInt  map[int]string        `json:"by_int"`
	ByUint map[Count]bool        `json:"by_uint"`
	ByTime map[time.Time]float64 `json:"by_time"`
	Lists  map[string][]int      `json:"lists"`
	Ptrs   []*Pref               `json:"ptrs"`
	Any    any                   `json:"any"`
	Anys   map[string]any        `json:"anys"`
	IP     netip.Addr            `json:"ip"`
	DText  Text                  `json:"d_text"`
	DLevel Level                 `json:"d_level"`
	DRatio Ratio                 `json:"d_ratio"`
	DFlag  Flag                  `json:"d_flag"`
	DBlob  Blob                  `json:"d_blob"`
	DNames Names                 `json:"d_names"`
	Plain  string
	Hidden string `json:"-"`
}

// Options has the options of the json tag.
//
//faust:record
type Options struct {
	S    string         `json:"s,omitempty"`
	I    int            `json:"i,omitempty"`
	B    bool           `json:"b,omitempty"`
	F    float64        `json:"f,omitempty"`
	P    *int           `json:"p,omitempty"`
	L    []string       `json:"l,omitempty"`
	M    map[string]int `json:"m,omitempty"`
	A    any            `json:"a,omitempty"`
	T    time.Time      `json:"t,omitempty"`
	TZ   time.Time      `json:"tz,omitzero"`
	SZ   Pref           `json:"sz,omitzero"`
	CZ   Customer       `json:"cz,omitzero"`
	LZ   []int          `json:"lz,omitzero"`
	AZ   [2]int         `json:"az,omitzero"`
	Sure string         `json:"sure"`
	QI   int64          `json:"qi,string"`
	QU   uint8          `json:"qu,string,omitempty"`
	QF   float64        `json:"qf,string"`
	QB   bool           `json:"qb,string"`
	QS   string         `json:"qs,string"`
	QP   *int           `json:"qp,string"`
	Last string         `json:"last,omitempty"`
}

// Base and Deep are embedded.
type (
	Base struct {
		ID   string `json:"id"`
		Note string `json:"note,omitempty"`
		Both string `json:"both"`
	}
	Deep struct {
		*Inner
		Depth int `json:"depth"`
	}
	Inner struct {
		Leaf string `json:"leaf"`
		Both string `json:"inner_both"`
	}
)

// Embeds has embedded structs, by value and by pointer.
//
//faust:record
type Embeds struct {
	Base
	*Deep
	Own  string `json:"own"`
	Both string `json:"both"`
}

// Tree is a recursive record.
//
//faust:record
type Tree struct {
	Value int              `json:"value"`
	Left  *Tree            `json:"left,omitempty"`
	Kids  []Tree           `json:"kids,omitempty"`
	Named map[string]*Tree `json:"named,omitempty"`
}

// Times has times in the forms that tags give them.
//
//faust:record
type Times struct {
	Day    time.Time  `json:"day" faust:"layout=02/01/2006 15:04:05"`
	Sec    time.Time  `json:"sec" faust:"epoch=s"`
	Milli  *time.Time `json:"milli" faust:"epoch=ms"`
	Micros time.Time  `json:"micros" faust:"epoch=us"`
	Own    Stamp      `json:"own"`
}

// Defaults has default values.
//
//faust:record
type Defaults struct {
	S  string        `json:"s" faust:"default=red, or blue"`
	I  int           `json:"i" faust:"default=7"`
	F  float64       `json:"f" faust:"default=0.5"`
	B  bool          `json:"b" faust:"default=true"`
	D  time.Duration `json:"d" faust:"default=90s"`
	P  *int          `json:"p" faust:"default=3"`
	T  Text          `json:"t" faust:"default=x"`
	At time.Time     `json:"at" faust:"default=2006-01-02T15:04:05Z"`
}

// Line is a part of Checked.
type Line struct {
	SKU   string `json:"sku" validate:"required,len=3"`
	Count int    `json:"count" validate:"gte=1,lt=100"`
}

// Checked has validation rules.
//
//faust:record
type Checked struct {
	Name   string          `json:"name" validate:"required,min=2,max=5"`
	Color  Text            `json:"color" validate:"oneof=red green 'dark blue'"`
	Price  float64         `json:"price" validate:"gt=0,lte=9.5"`
	Size   uint            `json:"size" validate:"gte=0,max=10"`
	Code   string          `json:"code" validate:"ne=none"`
	Level  int             `json:"level" validate:"eq=3"`
	On     bool            `json:"on" validate:"required"`
	Tags   []string        `json:"tags" validate:"required,max=2"`
	Wait   time.Duration   `json:"wait" validate:"gte=1s"`
	At     time.Time       `json:"at" validate:"required"`
	Age    *int            `json:"age" validate:"gte=18"`
	Must   *int            `json:"must" validate:"required"`
	First  Line            `json:"first"`
	Lines  []Line          `json:"lines" validate:"min=1"`
	ByName map[string]Line `json:"by_name"`
	Maybe  *Line           `json:"maybe"`
	Any    Line            `json:"any_line" validate:"required"`
}
