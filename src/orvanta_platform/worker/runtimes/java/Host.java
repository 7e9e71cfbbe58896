// Runs the method main of a Java script: `java orvanta.Host ARGUMENTS ANSWER LIMIT`. ARGUMENTS and ANSWER are
// descriptors: a JSON object, and the result pipe (sandbox/job.py). LIMIT is the maximum size of the result in bytes.
package orvanta;

import java.io.DataOutputStream;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.PrintStream;
import java.lang.reflect.Array;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.lang.reflect.Parameter;
import java.lang.reflect.RecordComponent;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.BaseStream;

public final class Host {
    private static final int DEEPEST = 500;
    private static final int FRAMES = 200;

    private static final class Failed extends Exception {
        final String name;

        Failed(String name, String message) {
            super(message);
            this.name = name;
        }
    }

    public static void main(String[] words) throws Exception {
        PrintStream out = stream(FileDescriptor.out);
        PrintStream err = stream(FileDescriptor.err);
        System.setOut(out);
        System.setErr(err);
        String kind = "r";
        String text;
        try {
            Path given = Path.of("/proc/self/fd/" + words[0]);
            text = json(call(new Reader(new String(Files.readAllBytes(given), StandardCharsets.UTF_8)).object()));
            int size = text.getBytes(StandardCharsets.UTF_8).length;
            if (size > Long.parseLong(words[2])) {
                String sizes = "the result has " + size + " bytes, the limit is " + words[2] + " bytes";
                throw new Failed("result_too_large", sizes);
            }
        } catch (Failed failed) {
            kind = "e";
            text = described(failed.name, failed.getMessage(), null);
        } catch (InvocationTargetException thrown) {
            kind = "e";
            Throwable cause = thrown.getCause();
            String message = cause.getMessage() == null ? cause.getClass().getName() : cause.getMessage();
            boolean memory = cause instanceof OutOfMemoryError;
            text = described(memory ? "MemoryError" : cause.getClass().getSimpleName(), message, frames(cause));
        }
        out.flush();
        err.flush();
        byte[] body = text.getBytes(StandardCharsets.UTF_8);
        try (DataOutputStream answer = new DataOutputStream(new FileOutputStream("/proc/self/fd/" + words[1]))) {
            answer.writeBytes(kind);
            answer.writeLong(body.length);
            answer.write(body);
        }
        Runtime.getRuntime().halt(0);
    }

    private static PrintStream stream(FileDescriptor descriptor) {
        return new PrintStream(new FileOutputStream(descriptor), true, StandardCharsets.UTF_8);
    }

    private static Object call(Map<String, Object> given) throws Failed, InvocationTargetException {
        Method main = null;
        try {
            for (Method each : Class.forName("Main").getDeclaredMethods()) {
                if (each.getName().equals("main") && Modifier.isStatic(each.getModifiers())) main = each;
            }
        } catch (ClassNotFoundException absent) {
            throw new Failed("MissingMain", "the script defines no class Main");
        }
        if (main == null) throw new Failed("MissingMain", "the script defines no function main");
        List<Object> values = new ArrayList<>();
        for (Parameter each : main.getParameters()) {
            values.add(converted(each.getName(), given.get(each.getName()), each.getType()));
        }
        try {
            main.setAccessible(true);
            return main.invoke(null, values.toArray());
        } catch (IllegalAccessException hidden) {
            throw new Failed("MissingMain", "the method main cannot be called");
        }
    }

    private static Object converted(String name, Object value, Class<?> type) throws Failed {
        if (value == null) return type.isPrimitive() ? Array.get(Array.newInstance(type, 1), 0) : null;
        if (type.isArray() && value instanceof List<?> list) {
            Object array = Array.newInstance(type.getComponentType(), list.size());
            for (int i = 0; i < list.size(); i++) {
                Array.set(array, i, converted(name, list.get(i), type.getComponentType()));
            }
            return array;
        }
        if (value instanceof BigDecimal number) {
            try {
                if (type == int.class || type == Integer.class) return number.intValueExact();
                if (type == long.class || type == Long.class) return number.longValueExact();
                if (type == short.class || type == Short.class) return number.shortValueExact();
                if (type == BigInteger.class) return number.toBigIntegerExact();
            } catch (ArithmeticException inexact) {
                throw unfit(name, type);
            }
            if (type == double.class || type == Double.class) return number.doubleValue();
            if (type == float.class || type == Float.class) return number.floatValue();
            if (type == BigDecimal.class) return number;
            value = plain(number);
        }
        if (value instanceof Boolean && type == boolean.class || type.isInstance(value)) return plain(value);
        throw unfit(name, type);
    }

    private static Failed unfit(String name, Class<?> type) {
        return new Failed("ArgumentError", "the argument " + name + " does not fit: it is no " + type.getSimpleName());
    }

    /** Returns numbers in lists, maps and objects as Integer, Long or Double. */
    private static Object plain(Object value) {
        if (value instanceof List<?> list) {
            List<Object> made = new ArrayList<>();
            for (Object each : list) made.add(plain(each));
            return made;
        }
        if (value instanceof Map<?, ?> map) {
            Map<Object, Object> made = new LinkedHashMap<>();
            map.forEach((key, each) -> made.put(key, plain(each)));
            return made;
        }
        if (!(value instanceof BigDecimal number)) return value;
        try {
            long whole = number.longValueExact();
            if (whole == (int) whole) return (int) whole;
            return whole;
        } catch (ArithmeticException fraction) {
            return number.doubleValue();
        }
    }

    private static String described(String name, String message, String stack) throws Failed {
        Map<String, Object> error = new LinkedHashMap<>();
        error.put("name", name);
        error.put("message", message);
        error.put("stack", stack);
        return json(error);
    }

    /** Returns the frames of the script, the innermost first. */
    private static String frames(Throwable thrown) {
        StringBuilder lines = new StringBuilder(thrown.toString());
        int count = 0;
        for (StackTraceElement each : thrown.getStackTrace()) {
            if ("Main.java".equals(each.getFileName()) && count++ < FRAMES) lines.append("\n  at ").append(each);
        }
        return lines.toString();
    }

    private static String json(Object value) throws Failed {
        StringBuilder out = new StringBuilder();
        write(out, value, 0);
        return out.toString();
    }

    private static void write(StringBuilder out, Object value, int depth) throws Failed {
        if (depth > DEEPEST) throw new Failed("ResultNotJson", "the result is nested too deeply");
        if (value == null) out.append("null");
        else if (value instanceof Optional<?> optional) write(out, optional.orElse(null), depth);
        else if (value instanceof Boolean || value instanceof BigInteger || value instanceof BigDecimal) out.append(value);
        else if (value instanceof Double || value instanceof Float) writeFraction(out, ((Number) value).doubleValue(), value);
        else if (value instanceof Number) out.append(value);
        else if (value instanceof Map<?, ?> map) writeMap(out, map, depth);
        else if (value instanceof Iterable<?> items) writeItems(out, items, depth);
        else if (value instanceof BaseStream<?, ?> items) writeItems(out, collected(items), depth);
        else if (value.getClass().isArray()) writeItems(out, list(value), depth);
        else if (value instanceof Record) writeMap(out, components(value), depth);
        else if (value instanceof CharSequence || value instanceof Character || value instanceof Enum<?>) quote(out, value);
        else if (value.getClass().getName().startsWith("java.")) quote(out, value);
        else throw new Failed("ResultNotJson", "the result is of type " + value.getClass().getName() + ", which is not JSON");
    }

    private static void writeFraction(StringBuilder out, double number, Object value) throws Failed {
        if (!Double.isFinite(number)) throw new Failed("ResultNotJson", "the result is " + number + ", which is not a JSON value");
        out.append(value);
    }

    private static void writeMap(StringBuilder out, Map<?, ?> map, int depth) throws Failed {
        char separator = '{';
        for (Map.Entry<?, ?> each : map.entrySet()) {
            out.append(separator);
            quote(out, each.getKey());
            out.append(':');
            write(out, each.getValue(), depth + 1);
            separator = ',';
        }
        out.append(separator == '{' ? "{}" : "}");
    }

    private static void writeItems(StringBuilder out, Iterable<?> items, int depth) throws Failed {
        char separator = '[';
        for (Object each : items) {
            out.append(separator);
            write(out, each, depth + 1);
            separator = ',';
        }
        out.append(separator == '[' ? "[]" : "]");
    }

    private static List<Object> list(Object array) {
        Object[] made = new Object[Array.getLength(array)];
        for (int i = 0; i < made.length; i++) made[i] = Array.get(array, i);
        return Arrays.asList(made);
    }

    private static List<Object> collected(BaseStream<?, ?> items) {
        List<Object> made = new ArrayList<>();
        items.iterator().forEachRemaining(made::add);
        return made;
    }

    private static Map<String, Object> components(Object record) throws Failed {
        Map<String, Object> made = new LinkedHashMap<>();
        for (RecordComponent each : record.getClass().getRecordComponents()) {
            try {
                Method accessor = each.getAccessor();
                accessor.setAccessible(true);
                made.put(each.getName(), accessor.invoke(record));
            } catch (ReflectiveOperationException broken) {
                throw new Failed("ResultNotJson", "the result has a field that cannot be read: " + each.getName());
            }
        }
        return made;
    }

    private static void quote(StringBuilder out, Object value) {
        out.append('"');
        String text = String.valueOf(value);
        for (int i = 0; i < text.length(); i++) {
            char each = text.charAt(i);
            if (each == '"' || each == '\\') out.append('\\').append(each);
            else if (each == '\n') out.append("\\n");
            else if (each < ' ' || Character.isSurrogate(each) && !isPaired(text, i)) out.append(String.format("\\u%04x", (int) each));
            else out.append(each);
        }
        out.append('"');
    }

    private static boolean isPaired(String text, int at) {
        if (Character.isHighSurrogate(text.charAt(at))) return at + 1 < text.length() && Character.isLowSurrogate(text.charAt(at + 1));
        return at > 0 && Character.isHighSurrogate(text.charAt(at - 1));
    }

    /** Reads JSON that is known to be valid. Numbers are BigDecimal. */
    private static final class Reader {
        private final String text;
        private int at;

        Reader(String text) {
            this.text = text;
        }

        Map<String, Object> object() {
            Map<String, Object> made = new LinkedHashMap<>();
            skip();
            at++;
            while (next() != '}') {
                if (text.charAt(at) == ',') at++;
                skip();
                String name = string();
                skip();
                at++;
                made.put(name, value());
            }
            at++;
            return made;
        }

        private Object value() {
            switch (next()) {
                case '{':
                    return object();
                case '[':
                    return array();
                case '"':
                    return string();
                case 't':
                    at += 4;
                    return true;
                case 'f':
                    at += 5;
                    return false;
                case 'n':
                    at += 4;
                    return null;
                default:
                    int start = at;
                    while (at < text.length() && "+-.eE0123456789".indexOf(text.charAt(at)) >= 0) at++;
                    return new BigDecimal(text.substring(start, at));
            }
        }

        private List<Object> array() {
            List<Object> made = new ArrayList<>();
            at++;
            while (next() != ']') {
                if (text.charAt(at) == ',') at++;
                made.add(value());
            }
            at++;
            return made;
        }

        private String string() {
            StringBuilder made = new StringBuilder();
            for (at++; text.charAt(at) != '"'; at++) {
                if (text.charAt(at) != '\\') {
                    made.append(text.charAt(at));
                    continue;
                }
                char escape = text.charAt(++at);
                int place = "bfnrt".indexOf(escape);
                if (escape == 'u') {
                    made.append((char) Integer.parseInt(text.substring(at + 1, at + 5), 16));
                    at += 4;
                } else made.append(place < 0 ? escape : "\b\f\n\r\t".charAt(place));
            }
            at++;
            return made.toString();
        }

        private char next() {
            skip();
            return text.charAt(at);
        }

        private void skip() {
            while (Character.isWhitespace(text.charAt(at))) at++;
        }
    }
}
