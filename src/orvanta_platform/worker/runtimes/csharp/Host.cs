// Runs the method Main of a C# script: `mono script.exe ARGUMENTS ANSWER LIMIT`. ARGUMENTS and ANSWER are descriptors:
// a JSON object, and the result pipe (sandbox/job.py). LIMIT is the maximum size of the result in bytes.
namespace Orvanta {
    using System;
    using System.Collections;
    using System.Collections.Generic;
    using System.Globalization;
    using System.IO;
    using System.Linq;
    using System.Reflection;
    using System.Text;
    using System.Text.RegularExpressions;
    using System.Threading.Tasks;

    internal sealed class Failed : Exception {
        internal readonly string Kind;

        internal Failed(string kind, string message) : base(message) {
            Kind = kind;
        }
    }

    internal static class Host {
        private static readonly UTF8Encoding Utf8 = new UTF8Encoding(false);
        private static readonly Regex Frame =
            new Regex(@"^\s*at (?<name>.*?) ?\(.*\[0x\w+\] in \S*script\.cs:(?<line>\d+)");
        private const int Frames = 200;

        private static void Main(string[] words) {
            Console.SetOut(Stream(Console.OpenStandardOutput()));
            Console.SetError(Stream(Console.OpenStandardError()));
            CultureInfo.DefaultThreadCurrentCulture = CultureInfo.InvariantCulture;
            CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
            string kind = "r", text;
            try {
                var given = File.ReadAllText("/proc/self/fd/" + words[0], Utf8);
                text = Writer.Json(Call(new Reader(given).Object()));
                long size = Utf8.GetByteCount(text);
                if (size > long.Parse(words[2])) {
                    var sizes = "the result has " + size + " bytes, the limit is " + words[2] + " bytes";
                    throw new Failed("result_too_large", sizes);
                }
            } catch (Failed failed) {
                kind = "e";
                text = Described(failed.Kind, failed.Message, null);
            } catch (TargetInvocationException thrown) {
                kind = "e";
                var cause = thrown.InnerException;
                if (cause is AggregateException && cause.InnerException != null) cause = cause.InnerException;
                var name = cause is OutOfMemoryException ? "MemoryError" : cause.GetType().Name;
                text = Described(name, cause.Message, Stack(cause));
            }
            Console.Out.Flush();
            Console.Error.Flush();
            Answer(words[1], kind, Utf8.GetBytes(text));
            Environment.Exit(0);
        }

        private static StreamWriter Stream(Stream stream) {
            return new StreamWriter(stream, Utf8) { AutoFlush = true };
        }

        private static void Answer(string descriptor, string kind, byte[] body) {
            var size = BitConverter.GetBytes((long) body.Length);
            if (BitConverter.IsLittleEndian) Array.Reverse(size);
            using (var pipe = new FileStream("/proc/self/fd/" + descriptor, FileMode.Open, FileAccess.Write)) {
                pipe.WriteByte((byte) kind[0]);
                pipe.Write(size, 0, size.Length);
                pipe.Write(body, 0, body.Length);
            }
        }

        private static object Call(Dictionary<string, object> given) {
            var main = Assembly.GetExecutingAssembly().GetTypes()
                .Where(type => type.Namespace != typeof(Host).Namespace)
                .SelectMany(type => type.GetMethods(BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic))
                .FirstOrDefault(method => method.Name == "Main" || method.Name == "main");
            if (main == null) throw new Failed("MissingMain", "the script defines no function main");
            var values = main.GetParameters().Select(each => Argument(each, given)).ToArray();
            var found = main.Invoke(null, values);
            var task = found as Task;
            return task == null ? found : Awaited(task);
        }

        private static object Argument(ParameterInfo wanted, Dictionary<string, object> given) {
            object value;
            if (given.TryGetValue(wanted.Name, out value)) {
                return Values.Convert(wanted.Name, value, wanted.ParameterType);
            }
            return wanted.HasDefaultValue ? wanted.DefaultValue : Values.Empty(wanted.ParameterType);
        }

        private static object Awaited(Task task) {
            try {
                task.Wait();
            } catch (AggregateException failed) {
                throw new TargetInvocationException(failed);
            }
            // The task of an async method without a result is a Task<VoidTaskResult>.
            var type = task.GetType();
            while (!type.IsGenericType || type.GetGenericTypeDefinition() != typeof(Task<>)) {
                if (type == typeof(Task)) return null;
                type = type.BaseType;
            }
            var isVoid = type.GetGenericArguments()[0].Name == "VoidTaskResult";
            return isVoid ? null : type.GetProperty("Result").GetValue(task);
        }

        private static string Described(string name, string message, string stack) {
            var error = new Dictionary<string, object> { { "name", name }, { "message", message }, { "stack", stack } };
            return Writer.Json(error);
        }

        // The frames of the script, the innermost first.
        private static string Stack(Exception thrown) {
            var lines = new StringBuilder(thrown.GetType().FullName + ": " + thrown.Message);
            var frames = (thrown.StackTrace ?? "").Split('\n').Select(line => Frame.Match(line));
            foreach (var each in frames.Where(match => match.Success).Take(Frames)) {
                lines.Append("\n  at " + each.Groups["name"].Value + " (script.cs:" + each.Groups["line"].Value + ")");
            }
            return lines.ToString();
        }
    }

    // A number as it is written in JSON.
    internal sealed class Number {
        internal readonly string Text;

        internal Number(string text) {
            Text = text;
        }

        internal double Double {
            get { return double.Parse(Text, NumberStyles.Float, CultureInfo.InvariantCulture); }
        }

        // Returns an int or long if it is whole, otherwise a double.
        internal object Plain {
            get {
                decimal exact;
                if (!decimal.TryParse(Text, NumberStyles.Float, CultureInfo.InvariantCulture, out exact)) return Double;
                if (exact != decimal.Truncate(exact) || exact < long.MinValue || exact > long.MaxValue) return Double;
                var whole = (long) exact;
                return whole == (int) whole ? (object) (int) whole : whole;
            }
        }

        // Returns a value of a numeric type; null if there is none. The type is not floating.
        internal object Whole(Type type) {
            decimal exact;
            if (!decimal.TryParse(Text, NumberStyles.Float, CultureInfo.InvariantCulture, out exact)) return null;
            if (type == typeof(decimal)) return exact;
            if (exact != decimal.Truncate(exact)) return null;
            try {
                return System.Convert.ChangeType(exact, type, CultureInfo.InvariantCulture);
            } catch (OverflowException) {
                return null;
            }
        }
    }

    internal static class Values {
        internal static object Empty(Type type) {
            return type.IsValueType ? Activator.CreateInstance(type) : null;
        }

        // Returns a JSON value as one of a parameter's type.
        internal static object Convert(string name, object value, Type type) {
            var inner = Nullable.GetUnderlyingType(type);
            if (value == null) {
                if (type.IsValueType && inner == null) throw Unfit(name, type);
                return null;
            }
            type = inner ?? type;
            if (type == typeof(object)) return Plain(value);
            var found = Scalar(value, type) ?? Items(name, value as List<object>, type) ??
                Members(name, value as Dictionary<string, object>, type);
            if (found == null) throw Unfit(name, type);
            return found;
        }

        private static Failed Unfit(string name, Type type) {
            return new Failed("ArgumentError", "the argument " + name + " does not fit: it is no " + type.Name);
        }

        private static object Scalar(object value, Type type) {
            var number = value as Number;
            var text = value as string;
            if (number != null) {
                if (type == typeof(double)) return number.Double;
                if (type == typeof(float)) return (float) number.Double;
                var isOther = !type.IsPrimitive || type == typeof(bool) || type == typeof(char);
                return !isOther || type == typeof(decimal) ? number.Whole(type) : null;
            }
            if (type.IsInstanceOfType(value) && !(value is ICollection)) return value;
            if (text == null) return null;
            if (type == typeof(char)) return text.Length == 1 ? (object) text[0] : null;
            if (type == typeof(DateTime)) return Date(text);
            if (type == typeof(Guid)) {
                Guid id;
                return Guid.TryParse(text, out id) ? (object) id : null;
            }
            return type.IsEnum && Enum.IsDefined(type, text) ? Enum.Parse(type, text) : null;
        }

        private static object Date(string text) {
            DateTime found;
            var read = DateTime.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.RoundtripKind, out found);
            return read ? (object) found : null;
        }

        private static object Items(string name, List<object> items, Type type) {
            if (items == null) return null;
            if (type.IsArray && type.GetArrayRank() == 1) {
                var array = Array.CreateInstance(type.GetElementType(), items.Count);
                for (var i = 0; i < items.Count; i++) array.SetValue(Convert(name, items[i], type.GetElementType()), i);
                return array;
            }
            var arguments = type.IsGenericType ? type.GetGenericArguments() : Type.EmptyTypes;
            var element = arguments.Length == 1 ? arguments[0] : typeof(object);
            var made = typeof(List<>).MakeGenericType(element);
            if (!type.IsAssignableFrom(made)) return null;
            var list = (IList) Activator.CreateInstance(made);
            foreach (var each in items) list.Add(Convert(name, each, element));
            return list;
        }

        private static object Members(string name, Dictionary<string, object> members, Type type) {
            if (members == null) return null;
            var arguments = type.IsGenericType ? type.GetGenericArguments() : Type.EmptyTypes;
            var element = arguments.Length == 2 && arguments[0] == typeof(string) ? arguments[1] : typeof(object);
            var made = typeof(Dictionary<,>).MakeGenericType(typeof(string), element);
            if (type.IsAssignableFrom(made)) {
                var map = (IDictionary) Activator.CreateInstance(made);
                foreach (var each in members) map[each.Key] = Convert(name, each.Value, element);
                return map;
            }
            if (type.Assembly != typeof(Host).Assembly) return null;
            if (!type.IsValueType && type.GetConstructor(Type.EmptyTypes) == null) return null;
            var target = Activator.CreateInstance(type);
            foreach (var each in type.GetProperties()) {
                object value;
                var isSettable = each.CanWrite && each.GetIndexParameters().Length == 0;
                if (isSettable && members.TryGetValue(each.Name, out value)) {
                    each.SetValue(target, Convert(name + "." + each.Name, value, each.PropertyType));
                }
            }
            foreach (var each in type.GetFields(BindingFlags.Public | BindingFlags.Instance)) {
                object value;
                if (!each.IsInitOnly && members.TryGetValue(each.Name, out value)) {
                    each.SetValue(target, Convert(name + "." + each.Name, value, each.FieldType));
                }
            }
            return target;
        }

        // Returns numbers in lists and dictionaries as int, long or double.
        private static object Plain(object value) {
            var number = value as Number;
            var list = value as List<object>;
            var map = value as Dictionary<string, object>;
            if (number != null) return number.Plain;
            if (list != null) return list.Select(Plain).ToList();
            return map == null ? value : map.ToDictionary(each => each.Key, each => Plain(each.Value));
        }
    }

    // Writes JSON.
    internal sealed class Writer {
        private const int Deepest = 500;
        private static readonly string[] Texts = {
            "System.String", "System.Char", "System.Guid", "System.Uri", "System.TimeSpan", "System.Numerics.BigInteger"
        };
        private static readonly string[] Shapes = {
            "System.Tuple`", "System.ValueTuple`", "System.Collections.Generic.KeyValuePair`"
        };
        private readonly StringBuilder text = new StringBuilder();

        internal static string Json(object value) {
            var writer = new Writer();
            writer.Write(value, 0);
            return writer.text.ToString();
        }

        private void Write(object value, int depth) {
            if (depth > Deepest) throw new Failed("ResultNotJson", "the result is nested too deeply");
            if (value == null || value is DBNull) text.Append("null");
            else if (value is bool) text.Append((bool) value ? "true" : "false");
            else if (value is double || value is float) Fraction(System.Convert.ToDouble(value), value);
            else if (value is DateTime || value is DateTimeOffset) Quote(Invariant(value, "o"));
            else if (value is Enum || Texts.Contains(value.GetType().FullName)) Quote(value.ToString());
            else if (value.GetType().IsPrimitive || value is decimal) text.Append(Invariant(value, null));
            else if (value is byte[]) Quote(System.Convert.ToBase64String((byte[]) value));
            else if (value is IDictionary) Map((IDictionary) value, depth);
            else if (value is IEnumerable) Items((IEnumerable) value, depth);
            else Members(value, depth);
        }

        private static string Invariant(object value, string format) {
            return ((IFormattable) value).ToString(format, CultureInfo.InvariantCulture);
        }

        private void Fraction(double number, object value) {
            if (double.IsNaN(number) || double.IsInfinity(number)) {
                throw new Failed("ResultNotJson", "the result is " + number + ", which is not a JSON value");
            }
            text.Append(Invariant(value, "R"));
        }

        private void Map(IDictionary map, int depth) {
            var separator = '{';
            foreach (DictionaryEntry each in map) {
                text.Append(separator);
                Quote(System.Convert.ToString(each.Key, CultureInfo.InvariantCulture));
                text.Append(':');
                Write(each.Value, depth + 1);
                separator = ',';
            }
            text.Append(separator == '{' ? "{}" : "}");
        }

        private void Items(IEnumerable items, int depth) {
            var separator = '[';
            foreach (var each in items) {
                text.Append(separator);
                Write(each, depth + 1);
                separator = ',';
            }
            text.Append(separator == '[' ? "[]" : "]");
        }

        // Public properties and fields of an object of the script, an anonymous object, a tuple or a pair.
        private void Members(object value, int depth) {
            var type = value.GetType();
            var isPlain = type.Assembly == typeof(Host).Assembly || Shapes.Any(each => type.FullName.StartsWith(each));
            if (!isPlain || value is Delegate) {
                throw new Failed("ResultNotJson", "the result is of type " + type.FullName + ", which is not JSON");
            }
            var members = new Dictionary<string, object>();
            foreach (var each in type.GetProperties(BindingFlags.Public | BindingFlags.Instance)) {
                if (each.CanRead && each.GetIndexParameters().Length == 0) members[each.Name] = each.GetValue(value);
            }
            foreach (var each in type.GetFields(BindingFlags.Public | BindingFlags.Instance)) {
                members[each.Name] = each.GetValue(value);
            }
            Map(members, depth);
        }

        private void Quote(string value) {
            text.Append('"');
            for (var i = 0; i < value.Length; i++) {
                var each = value[i];
                if (each == '"' || each == '\\') text.Append('\\').Append(each);
                else if (each == '\n') text.Append("\\n");
                else if (each >= ' ' && (!char.IsSurrogate(each) || IsPaired(value, i))) text.Append(each);
                else text.Append("\\u" + ((int) each).ToString("x4"));
            }
            text.Append('"');
        }

        private static bool IsPaired(string value, int at) {
            if (char.IsHighSurrogate(value[at])) return at + 1 < value.Length && char.IsLowSurrogate(value[at + 1]);
            return at > 0 && char.IsHighSurrogate(value[at - 1]);
        }
    }

    // Reads JSON that is known to be valid.
    internal sealed class Reader {
        private readonly string text;
        private int at;

        internal Reader(string text) {
            this.text = text;
        }

        internal Dictionary<string, object> Object() {
            var made = new Dictionary<string, object>();
            Next();
            at++;
            while (Next() != '}') {
                if (text[at] == ',') at++;
                Next();
                var name = String();
                Next();
                at++;
                made[name] = Value();
            }
            at++;
            return made;
        }

        private object Value() {
            switch (Next()) {
                case '{': return Object();
                case '[': return Items();
                case '"': return String();
                case 't': at += 4; return true;
                case 'f': at += 5; return false;
                case 'n': at += 4; return null;
            }
            var start = at;
            while (at < text.Length && "+-.eE0123456789".IndexOf(text[at]) >= 0) at++;
            return new Number(text.Substring(start, at - start));
        }

        private List<object> Items() {
            var made = new List<object>();
            at++;
            while (Next() != ']') {
                if (text[at] == ',') at++;
                made.Add(Value());
            }
            at++;
            return made;
        }

        private string String() {
            var made = new StringBuilder();
            for (at++; text[at] != '"'; at++) {
                if (text[at] != '\\') {
                    made.Append(text[at]);
                    continue;
                }
                var escape = text[++at];
                var place = "bfnrt".IndexOf(escape);
                if (escape == 'u') {
                    made.Append((char) int.Parse(text.Substring(at + 1, 4), NumberStyles.HexNumber));
                    at += 4;
                } else made.Append(place < 0 ? escape : "\b\f\n\r\t"[place]);
            }
            at++;
            return made.ToString();
        }

        private char Next() {
            while (char.IsWhiteSpace(text[at])) at++;
            return text[at];
        }
    }
}
