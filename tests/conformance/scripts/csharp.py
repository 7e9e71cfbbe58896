"""The main cases of the table in C#."""

from __future__ import annotations

SCRIPTS = {
    "arguments": """
class Script {
    public static string[] Main(string a, string b, string c = "third") {
        return new[] { a, b, c };
    }
}
""",
    "structured": """
using System.Collections.Generic;

class Script {
    public static object Main(Dictionary<string, object> x) {
        return x;
    }
}
""",
    "nothing": """
class Script {
    public static void Main() {
    }
}
""",
    "error": """
using System;

class Script {
    static void Inner() { throw new InvalidOperationException("no good"); }

    public static object Main() {
        Inner();
        return null;
    }
}
""",
    "missing main": """
class Script {
    static object Other() { return null; }
}
""",
    "syntax": """
class Script {
    public static object Main() {

        int x = ;
    }
}
""",
    "order": """
using System;

class Script {
    public static void Main() {
        for (int i = 0; i < 500; i++) {
            Console.WriteLine("out " + i);
            Console.Error.WriteLine("err " + i);
        }
    }
}
""",
    "unicode": """
using System;

class Script {
    public static string Main(string x) {
        Console.WriteLine(x);
        return x;
    }
}
""",
    "exit": """
class Script {
    public static void Main() {
        System.Environment.Exit(3);
    }
}
""",
}
