// Runs the function main of a Go script: `script ARGUMENTS ANSWER LIMIT MEMORY`. ARGUMENTS and ANSWER are descriptors:
// a JSON object, and the result pipe (sandbox/job.py). LIMIT is the maximum size of the result in bytes, MEMORY the
// memory limit of the job in bytes.
package main

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path"
	"reflect"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"
	"unicode/utf8"

	inner "orvanta/inner"
)

const (
	messageBytes = 64 << 10
	stackBytes   = 32 << 10
	mostFrames   = 200
)

var errorType = reflect.TypeOf((*error)(nil)).Elem()

// The job's error.
type failed struct {
	Name    string  `json:"name"`
	Message string  `json:"message"`
	Stack   *string `json:"stack"`
}

func main() {
	numbers := make([]int, 4)
	for i := range numbers {
		numbers[i], _ = strconv.Atoi(os.Args[1+i])
	}
	os.Args = []string{"script"}
	syscall.CloseOnExec(numbers[1])
	debug.SetMemoryLimit(int64(numbers[3]) / 10 * 9)
	answers := os.NewFile(uintptr(numbers[1]), "answer")
	text, wrong := run(os.NewFile(uintptr(numbers[0]), "arguments"), numbers[2])
	kind := byte('r')
	if wrong != nil {
		kind = 'e'
		wrong.Message = cut(wrong.Message, messageBytes)
		text, _ = toJSON(wrong)
	}
	head := binary.BigEndian.AppendUint64([]byte{kind}, uint64(len(text)))
	for _, part := range [][]byte{head, text} {
		if _, err := answers.Write(part); err != nil {
			os.Exit(1)
		}
	}
	os.Exit(0)
}

// Returns the result's JSON text, or the error.
func run(file *os.File, limit int) ([]byte, *failed) {
	given, err := io.ReadAll(file)
	file.Close()
	arguments := map[string]json.RawMessage{}
	if err == nil {
		err = json.Unmarshal(given, &arguments)
	}
	if err != nil {
		return nil, &failed{Name: "CannotStart", Message: "the arguments cannot be read: " + err.Error()}
	}
	script := reflect.ValueOf(inner.OrvantaMain)
	values, wrong := valuesOf(script.Type(), arguments)
	if wrong != nil {
		return nil, wrong
	}
	arguments, given = nil, nil
	result, wrong := call(script, values)
	if wrong != nil {
		return nil, wrong
	}
	return encoded(result, limit)
}

// Returns one value for each parameter: the zero value if its argument is missing.
func valuesOf(script reflect.Type, given map[string]json.RawMessage) ([]reflect.Value, *failed) {
	if script.NumIn() != len(inner.OrvantaNames) {
		return nil, &failed{Name: "CannotStart", Message: "the parameters of main cannot be read"}
	}
	values := make([]reflect.Value, script.NumIn())
	for i, name := range inner.OrvantaNames {
		place := reflect.New(script.In(i))
		if text, found := given[name]; found && name != "" {
			if wrong := decode(name, text, place.Interface()); wrong != nil {
				return nil, wrong
			}
		}
		values[i] = place.Elem()
	}
	return values, nil
}

func decode(name string, text []byte, place any) (wrong *failed) {
	defer func() {
		if value := recover(); value != nil {
			wrong = panicked(value)
		}
	}()
	if err := json.Unmarshal(text, place); err != nil {
		return &failed{Name: "ArgumentError", Message: fmt.Sprintf("the argument %s does not fit: %s", name, message(err))}
	}
	return nil
}

// Calls main and returns its value, or nil if it has none.
func call(script reflect.Value, values []reflect.Value) (result any, wrong *failed) {
	defer func() {
		if value := recover(); value != nil {
			wrong = panicked(value)
		}
	}()
	call := script.Call
	if script.Type().IsVariadic() {
		call = script.CallSlice
	}
	results := call(values)
	if last := len(results) - 1; last >= 0 && script.Type().Out(last).Implements(errorType) {
		if err, _ := results[last].Interface().(error); err != nil && !isNil(results[last]) {
			return nil, &failed{Name: nameOf(err), Message: message(err)}
		}
		results = results[:last]
	}
	switch len(results) {
	case 0:
		return nil, nil
	case 1:
		return results[0].Interface(), nil
	}
	list := make([]any, len(results))
	for i, each := range results {
		list[i] = each.Interface()
	}
	return list, nil
}

func isNil(value reflect.Value) bool {
	return value.Kind() == reflect.Pointer && value.IsNil()
}

func encoded(result any, limit int) (text []byte, wrong *failed) {
	defer func() {
		if value := recover(); value != nil {
			wrong = panicked(value)
		}
	}()
	text, err := toJSON(result)
	if err != nil {
		told := strings.TrimPrefix(message(err), "json: ")
		return nil, &failed{Name: "ResultNotJson", Message: "the result is not JSON: " + told}
	}
	if len(text) > limit {
		told := fmt.Sprintf("the result has %d bytes, the limit is %d bytes", len(text), limit)
		return nil, &failed{Name: "result_too_large", Message: told}
	}
	return text, nil
}

func toJSON(value any) ([]byte, error) {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(text.Bytes(), []byte("\n")), nil
}

// Describes a panic. Call this in the function that recovers, so that the frames are those of the panic.
func panicked(value any) *failed {
	told := message(value)
	wrong := &failed{Name: "Panic", Message: told}
	if err, ok := value.(error); ok {
		if _, ours := value.(runtime.Error); !ours {
			if name := nameOf(err); name != "Error" {
				wrong.Name = name
			}
		}
	}
	if frames := frames(); frames != "" {
		stack := cut("panic: "+told+"\n"+frames, stackBytes)
		wrong.Stack = &stack
	}
	return wrong
}

// Returns the script's own frames, innermost first.
func frames() string {
	counters := make([]uintptr, 4096)
	found := []string{}
	each := runtime.CallersFrames(counters[:runtime.Callers(1, counters)])
	for more := true; more && len(found) < mostFrames; {
		var frame runtime.Frame
		frame, more = each.Next()
		name, ours := strings.CutPrefix(frame.Function, "orvanta/inner.")
		if ours && path.Base(frame.File) == "script.go" {
			found = append(found, fmt.Sprintf("  at %s (script.go:%d)", name, frame.Line))
		}
	}
	return strings.Join(found, "\n")
}

// Returns the name of an error's type, or "Error" for types that only carry a text.
func nameOf(err error) string {
	kind := reflect.TypeOf(err)
	for kind.Kind() == reflect.Pointer {
		kind = kind.Elem()
	}
	if from := kind.PkgPath(); kind.Name() == "" || from == "errors" || from == "fmt" {
		return "Error"
	}
	return kind.Name()
}

// Returns a value as text, even if its own methods panic.
func message(value any) (text string) {
	defer func() {
		if recover() != nil {
			text = fmt.Sprintf("a value of the type %T, which cannot be shown", value)
		}
	}()
	switch known := value.(type) {
	case error:
		return known.Error()
	case fmt.Stringer:
		return known.String()
	}
	return fmt.Sprint(value)
}

func cut(text string, most int) string {
	text = strings.ToValidUTF8(text, "\ufffd")
	if len(text) <= most {
		return text
	}
	for most > 0 && !utf8.RuneStart(text[most]) {
		most--
	}
	return text[:most] + "\n…"
}
