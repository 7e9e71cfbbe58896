"""The main cases of the table in Java, which has no defaults."""

from __future__ import annotations

SCRIPTS = {
    "arguments": """
public class Main {
    public static String[] main(String a, String b, String c) {
        return new String[] {a, b, c == null ? "third" : c};
    }
}
""",
    "structured": """
public class Main {
    public static Object main(java.util.Map<String, Object> x) {
        return x;
    }
}
""",
    "nothing": """
public class Main {
    public static void main() {
    }
}
""",
    "error": """
public class Main {
    static void inner() {
        throw new IllegalStateException("no good");
    }

    public static Object main() {
        inner();
        return null;
    }
}
""",
    "missing main": """
public class Main {
    static Object other() { return null; }
}
""",
    "syntax": """
public class Main {
    public static Object main() {
        int x = ;
    }
}
""",
    "order": """
public class Main {
    public static void main() {
        for (int i = 0; i < 500; i++) {
            System.out.println("out " + i);
            System.err.println("err " + i);
        }
    }
}
""",
    "unicode": """
public class Main {
    public static String main(String x) {
        System.out.println(x);
        return x;
    }
}
""",
    "exit": """
public class Main {
    public static void main() {
        System.exit(3);
    }
}
""",
}
