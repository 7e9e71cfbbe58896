"""The cases of the table in Go, which has no defaults: a missing argument is nil or zero."""

from __future__ import annotations

SCRIPTS = {
    "arguments": """
package inner

func main(a string, b string, c *string) ([]string, error) {
	third := "third"
	if c == nil {
		c = &third
	}
	return []string{a, b, *c}, nil
}
""",
    "unicode names": """
package inner

func main(größe float64, имя string) []any {
	return []any{größe, имя}
}
""",
    "structured": """
package inner

func main(x interface{}) (interface{}, error) {
	return x, nil
}
""",
    "string": """
package inner

func main() string {
	return "15"
}
""",
    "nothing": """
package inner

func main() {
}
""",
    "error": """
package inner

func inner() {
	panic("no good")
}

func main() {
	inner()
}
""",
    "missing main": """
package inner

func other() {
}
""",
    "syntax": """
package inner

func main() {
	x = ;
}
""",
    "order": r"""
package inner

import (
	"fmt"
	"os"
)

func main() {
	for i := 0; i < 500; i++ {
		fmt.Printf("out %d\n", i)
		fmt.Fprintf(os.Stderr, "err %d\n", i)
	}
}
""",
    "unicode": """
package inner

import "fmt"

func main(x string) string {
	fmt.Println(x)
	return x
}
""",
    "large": """
package inner

func main(x string) string {
	return x + x
}
""",
    "forever": """
package inner

import "fmt"

func main() {
	fmt.Println("begun")
	for {
	}
}
""",
    "exit": """
package inner

import "os"

func main() {
	os.Exit(3)
}
""",
    "environment": """
package inner

import "os"

func main() string {
	return os.Getenv("OV_JOB_ID")
}
""",
    "whole environment": """
package inner

import (
	"os"
	"strings"
)

func main() (names []string) {
	for _, each := range os.Environ() {
		name, _, _ := strings.Cut(each, "=")
		names = append(names, name)
	}
	return
}
""",
    "live": """
package inner

import (
	"fmt"
	"time"
)

func main() {
	fmt.Println("first")
	time.Sleep(time.Minute)
}
""",
    "not utf-8": r"""
package inner

import "os"

func main() (int, error) {
	return os.Stdout.WriteString("a\xff\xfeb\x00c\n")
}
""",
    "stdin": """
package inner

import (
	"io"
	"os"
)

func main() (string, error) {
	text, err := io.ReadAll(os.Stdin)
	return string(text), err
}
""",
    "folder": """
package inner

import "os"

func main() (string, error) {
	if err := os.WriteFile("f", []byte("x"), 0o600); err != nil {
		return "", err
	}
	file, err := os.CreateTemp("", "t")
	if err != nil {
		return "", err
	}
	os.Remove(file.Name())
	entries, err := os.ReadDir(".")
	return entries[0].Name(), err
}
""",
    "named streams": r"""
package inner

import "os"

func main() error {
	for _, name := range []string{"err", "out"} {
		file, err := os.OpenFile("/dev/std"+name, os.O_WRONLY|os.O_APPEND, 0)
		if err != nil {
			return err
		}
		file.WriteString(name + "\n")
		file.Close()
	}
	return nil
}
""",
    "child": """
package inner

import (
	"fmt"
	"os"
	"os/exec"
)

func main() error {
	fmt.Println("before")
	command := exec.Command("echo", "within")
	command.Stdout = os.Stdout
	err := command.Run()
	fmt.Println("after")
	return err
}
""",
    "left behind": """
package inner

import (
	"os/exec"
	"syscall"
)

func main(mark string) error {
	command := exec.Command("sleep", "1000", mark)
	command.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	return command.Start()
}
""",
}
