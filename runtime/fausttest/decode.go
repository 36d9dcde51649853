package fausttest

import (
	"encoding"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"time"
)

// decodeKey reads a key: integers and bool as text, or big endian for key_codec=be; times in RFC 3339; strings and bytes as they are;
// types with an UnmarshalText by that; everything else as JSON. What is not raw or text for a value is the same.
func decodeKey(codec string, b []byte, into any) error {
	if t, ok := into.(*time.Time); ok {
		at, err := time.Parse(time.RFC3339Nano, string(b))
		*t = at.UTC()
		return err
	}
	if t, ok := into.(encoding.TextUnmarshaler); ok {
		if _, isRecord := into.(interface{ DecodeJSON([]byte) error }); !isRecord {
			return t.UnmarshalText(b)
		}
	}
	v := reflect.ValueOf(into).Elem()
	switch v.Kind() {
	case reflect.String:
		v.SetString(string(b))
		return nil
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		n, err := integer(codec, b)
		v.SetInt(n)
		return err
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		n, err := strconv.ParseUint(string(b), 10, 64)
		v.SetUint(n)
		return err
	case reflect.Bool:
		yes, err := strconv.ParseBool(string(b))
		v.SetBool(yes)
		return err
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			v.SetBytes(append([]byte{}, b...))
			return nil
		}
	case reflect.Array:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			if len(b) != v.Len() {
				return fmt.Errorf("%d bytes for a %v", len(b), v.Type())
			}
			reflect.Copy(v, reflect.ValueOf(b))
			return nil
		}
	}
	return json.Unmarshal(b, into)
}

func integer(codec string, b []byte) (int64, error) {
	if codec != "be" {
		return strconv.ParseInt(string(b), 10, 64)
	}
	switch len(b) {
	case 4:
		return int64(int32(binary.BigEndian.Uint32(b))), nil
	case 8:
		return int64(binary.BigEndian.Uint64(b)), nil
	}
	return 0, fmt.Errorf("%d bytes for a big-endian integer", len(b))
}

// decodeValue reads a value as its topic's codec has it.
func decodeValue(codec string, b []byte, into any) error {
	if codec == "raw" || codec == "text" {
		return decodeKey("text", b, into)
	}
	return json.Unmarshal(b, into)
}
