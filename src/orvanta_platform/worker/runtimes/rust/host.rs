// Runs the function main of a Rust script: `script ARGUMENTS ANSWER LIMIT`. ARGUMENTS and ANSWER are descriptors: a JSON
// object, and the result pipe (sandbox/job.py). LIMIT is the maximum size of the result in bytes.
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fmt::Display;
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::FromRawFd;
use std::panic;
use std::sync::Mutex;

const MESSAGE_BYTES: usize = 64 << 10;
const DEEPEST: usize = 500;

/// A JSON value. Numbers are their text, so that no digit is lost.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Null,
    Bool(bool),
    Number(String),
    Text(String),
    List(Vec<Value>),
    Object(Vec<(String, Value)>),
}

/// The job's error.
pub struct Failed {
    name: String,
    message: String,
    stack: Option<String>,
}

impl Failed {
    fn new(name: &str, message: impl Display) -> Failed {
        Failed { name: name.to_string(), message: message.to_string(), stack: None }
    }
}

pub struct Arguments(HashMap<String, Value>);

impl Arguments {
    pub fn take<T: FromJson>(&mut self, name: &str) -> Result<T, Failed> {
        let found = match self.0.remove(name) {
            Some(value) => T::from_json(value),
            None => T::absent().ok_or_else(|| "it is missing".to_string()),
        };
        found.map_err(|reason| Failed::new("ArgumentError", format!("the argument {name} does not fit: {reason}")))
    }
}

/// A type of parameters.
pub trait FromJson: Sized {
    fn from_json(value: Value) -> Result<Self, String>;

    /// The value of a missing argument.
    fn absent() -> Option<Self> {
        None
    }
}

/// A type of results.
pub trait ToJson {
    fn to_json(&self) -> Value;
}

/// A result, or a `Result` of one.
pub trait Outcome {
    fn outcome(self) -> Result<Value, Failed>;
}

impl<T: ToJson> Outcome for T {
    fn outcome(self) -> Result<Value, Failed> {
        Ok(self.to_json())
    }
}

impl<T: ToJson, E: Display> Outcome for Result<T, E> {
    fn outcome(self) -> Result<Value, Failed> {
        self.map(|value| value.to_json()).map_err(|error| Failed::new(&name_of::<E>(), error))
    }
}

/// Declares a struct that parameters and results may have: `record! { struct Order { id: i64, total: f64 } }`.
#[macro_export]
macro_rules! record {
    ($(#[$meta:meta])* $visible:vis struct $name:ident { $($field_visible:vis $field:ident : $kind:ty),* $(,)? }) => {
        $(#[$meta])* $visible struct $name { $($field_visible $field: $kind),* }
        impl $crate::ToJson for $name {
            fn to_json(&self) -> $crate::Value {
                $crate::Value::Object(vec![$((stringify!($field).to_string(), $crate::ToJson::to_json(&self.$field))),*])
            }
        }
        impl $crate::FromJson for $name {
            fn from_json(value: $crate::Value) -> Result<Self, String> {
                let mut members = $crate::members(value)?;
                Ok($name { $($field: $crate::member(&mut members, stringify!($field))?),* })
            }
        }
    };
}

pub fn members(value: Value) -> Result<HashMap<String, Value>, String> {
    match value {
        Value::Object(members) => Ok(members.into_iter().collect()),
        other => Err(format!("an object is expected, not {}", kind_of(&other))),
    }
}

pub fn member<T: FromJson>(members: &mut HashMap<String, Value>, name: &str) -> Result<T, String> {
    match members.remove(name) {
        Some(value) => T::from_json(value).map_err(|reason| format!("{name}: {reason}")),
        None => T::absent().ok_or_else(|| format!("{name} is missing")),
    }
}

mod script;

static PANIC: Mutex<Option<String>> = Mutex::new(None);

fn main() {
    let numbers: Vec<u64> = std::env::args().skip(1).map(|word| word.parse().unwrap_or(0)).collect();
    panic::set_hook(Box::new(|info| {
        let place = info.location().map(|at| format!("  at {}:{}:{}", at.file(), at.line(), at.column()));
        if let Ok(mut stack) = PANIC.lock() {
            *stack = place;
        }
    }));
    let mut answer = unsafe { File::from_raw_fd(numbers[1] as i32) };
    let outcome = run(unsafe { File::from_raw_fd(numbers[0] as i32) }, numbers[2] as usize);
    let (kind, text) = match outcome {
        Ok(text) => (b'r', text),
        Err(failed) => (b'e', described(failed)),
    };
    let mut head = vec![kind];
    head.extend((text.len() as u64).to_be_bytes());
    let written = answer.write_all(&head).and_then(|_| answer.write_all(text.as_bytes()));
    std::process::exit(if written.is_ok() { 0 } else { 1 });
}

fn run(mut file: File, limit: usize) -> Result<String, Failed> {
    let mut text = String::new();
    file.read_to_string(&mut text).map_err(|error| Failed::new("CannotStart", error))?;
    let given = parse(&text).and_then(members).map_err(|error| Failed::new("CannotStart", error))?;
    let mut arguments = Arguments(given);
    let called = panic::catch_unwind(panic::AssertUnwindSafe(|| script::orvanta_run(&mut arguments)));
    let value = called.unwrap_or_else(|thrown| Err(panicked(thrown.as_ref())))?;
    let mut text = String::new();
    write_value(&value, &mut text);
    if text.len() > limit {
        let sizes = format!("the result has {} bytes, the limit is {} bytes", text.len(), limit);
        return Err(Failed::new("result_too_large", sizes));
    }
    Ok(text)
}

fn panicked(thrown: &(dyn std::any::Any + Send)) -> Failed {
    let text = thrown.downcast_ref::<&str>().map(|text| text.to_string());
    let message = text.or_else(|| thrown.downcast_ref::<String>().cloned()).unwrap_or_else(|| "a panic".to_string());
    let place = PANIC.lock().ok().and_then(|mut stack| stack.take());
    let stack = place.map(|place| format!("panic: {message}\n{place}"));
    Failed { name: "Panic".to_string(), message, stack }
}

fn described(failed: Failed) -> String {
    let mut message = failed.message;
    if message.len() > MESSAGE_BYTES {
        let end = (0..=MESSAGE_BYTES).rev().find(|at| message.is_char_boundary(*at)).unwrap_or(0);
        message.truncate(end);
    }
    let members = vec![
        ("name".to_string(), Value::Text(failed.name)),
        ("message".to_string(), Value::Text(message)),
        ("stack".to_string(), failed.stack.map_or(Value::Null, Value::Text)),
    ];
    let mut text = String::new();
    write_value(&Value::Object(members), &mut text);
    text
}

/// Returns the name of an error's type, or "Error" for types that only carry a text.
fn name_of<T>() -> String {
    let path = std::any::type_name::<T>();
    let name = path.rsplit("::").next().unwrap_or(path);
    let is_plain = path.contains(['&', '<', ' ']) || name == "String";
    (if is_plain { "Error" } else { name }).to_string()
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a truth value",
        Value::Number(_) => "a number",
        Value::Text(_) => "a text",
        Value::List(_) => "a list",
        Value::Object(_) => "an object",
    }
}

impl FromJson for Value {
    fn from_json(value: Value) -> Result<Self, String> {
        Ok(value)
    }
    fn absent() -> Option<Self> {
        Some(Value::Null)
    }
}

impl<T: FromJson> FromJson for Option<T> {
    fn from_json(value: Value) -> Result<Self, String> {
        if value == Value::Null { Ok(None) } else { T::from_json(value).map(Some) }
    }
    fn absent() -> Option<Self> {
        Some(None)
    }
}

impl FromJson for bool {
    fn from_json(value: Value) -> Result<Self, String> {
        match value {
            Value::Bool(flag) => Ok(flag),
            other => Err(format!("a truth value is expected, not {}", kind_of(&other))),
        }
    }
}

impl FromJson for String {
    fn from_json(value: Value) -> Result<Self, String> {
        match value {
            Value::Text(text) => Ok(text),
            other => Err(format!("a text is expected, not {}", kind_of(&other))),
        }
    }
}

impl<T: FromJson> FromJson for Vec<T> {
    fn from_json(value: Value) -> Result<Self, String> {
        match value {
            Value::List(items) => items.into_iter().map(T::from_json).collect(),
            other => Err(format!("a list is expected, not {}", kind_of(&other))),
        }
    }
}

impl<T: FromJson> FromJson for HashMap<String, T> {
    fn from_json(value: Value) -> Result<Self, String> {
        members(value)?.into_iter().map(|(name, each)| T::from_json(each).map(|each| (name, each))).collect()
    }
}

impl<T: FromJson> FromJson for BTreeMap<String, T> {
    fn from_json(value: Value) -> Result<Self, String> {
        members(value)?.into_iter().map(|(name, each)| T::from_json(each).map(|each| (name, each))).collect()
    }
}

macro_rules! numbers {
    ($($kind:ty),*) => { $(
        impl FromJson for $kind {
            fn from_json(value: Value) -> Result<Self, String> {
                match value {
                    Value::Number(text) => {
                        text.parse().map_err(|_| format!("{text} is no number of the type {}", stringify!($kind)))
                    }
                    other => Err(format!("a number is expected, not {}", kind_of(&other))),
                }
            }
        }
        impl ToJson for $kind {
            fn to_json(&self) -> Value {
                let text = format!("{self:?}");
                if text.contains(['N', 'i']) { Value::Null } else { Value::Number(text) }
            }
        }
    )* };
}
numbers!(i8, i16, i32, i64, i128, isize, u8, u16, u32, u64, u128, usize, f32, f64);

macro_rules! texts {
    ($($kind:ty),*) => { $( impl ToJson for $kind { fn to_json(&self) -> Value { Value::Text(self.to_string()) } } )* };
}
texts!(str, String, char);

macro_rules! lists {
    ($($kind:ty),*) => { $(
        impl<T: ToJson> ToJson for $kind {
            fn to_json(&self) -> Value { Value::List(self.iter().map(ToJson::to_json).collect()) }
        }
    )* };
}
lists!([T], Vec<T>, BTreeSet<T>, HashSet<T>, std::collections::VecDeque<T>);

macro_rules! tuples {
    ($(($($name:ident $at:tt),+)),*) => { $(
        impl<$($name: ToJson),+> ToJson for ($($name,)+) {
            fn to_json(&self) -> Value { Value::List(vec![$(self.$at.to_json()),+]) }
        }
    )* };
}
tuples!((A 0), (A 0, B 1), (A 0, B 1, C 2), (A 0, B 1, C 2, D 3), (A 0, B 1, C 2, D 3, E 4));

impl<T: ToJson, const N: usize> ToJson for [T; N] {
    fn to_json(&self) -> Value {
        self.as_slice().to_json()
    }
}

impl ToJson for Value {
    fn to_json(&self) -> Value {
        self.clone()
    }
}

impl ToJson for () {
    fn to_json(&self) -> Value {
        Value::Null
    }
}

impl ToJson for bool {
    fn to_json(&self) -> Value {
        Value::Bool(*self)
    }
}

impl<T: ToJson + ?Sized> ToJson for &T {
    fn to_json(&self) -> Value {
        (**self).to_json()
    }
}

impl<T: ToJson + ?Sized> ToJson for Box<T> {
    fn to_json(&self) -> Value {
        (**self).to_json()
    }
}

impl<T: ToJson> ToJson for Option<T> {
    fn to_json(&self) -> Value {
        self.as_ref().map_or(Value::Null, ToJson::to_json)
    }
}

impl<K: Display, T: ToJson> ToJson for BTreeMap<K, T> {
    fn to_json(&self) -> Value {
        Value::Object(self.iter().map(|(name, each)| (name.to_string(), each.to_json())).collect())
    }
}

impl<K: Display, T: ToJson> ToJson for HashMap<K, T> {
    fn to_json(&self) -> Value {
        let mut members: Vec<_> = self.iter().map(|(name, each)| (name.to_string(), each.to_json())).collect();
        members.sort_by(|one, other| one.0.cmp(&other.0));
        Value::Object(members)
    }
}

fn write_value(value: &Value, out: &mut String) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(flag) => out.push_str(if *flag { "true" } else { "false" }),
        Value::Number(text) => out.push_str(text),
        Value::Text(text) => write_text(text, out),
        Value::List(items) => {
            for (at, each) in items.iter().enumerate() {
                out.push(if at == 0 { '[' } else { ',' });
                write_value(each, out);
            }
            out.push_str(if items.is_empty() { "[]" } else { "]" });
        }
        Value::Object(members) => {
            for (at, (name, each)) in members.iter().enumerate() {
                out.push(if at == 0 { '{' } else { ',' });
                write_text(name, out);
                out.push(':');
                write_value(each, out);
            }
            out.push_str(if members.is_empty() { "{}" } else { "}" });
        }
    }
}

fn write_text(text: &str, out: &mut String) {
    out.push('"');
    for letter in text.chars() {
        match letter {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            letter if (letter as u32) < 0x20 => out.push_str(&format!("\\u{:04x}", letter as u32)),
            letter => out.push(letter),
        }
    }
    out.push('"');
}

/// Returns the value of a JSON text.
pub fn parse(text: &str) -> Result<Value, String> {
    let mut reader = Reader { text: text.as_bytes(), at: 0 };
    let value = reader.value(0)?;
    reader.space();
    if reader.at == text.len() { Ok(value) } else { Err(reader.fault()) }
}

struct Reader<'a> {
    text: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    fn fault(&self) -> String {
        format!("no JSON at byte {}", self.at)
    }

    fn space(&mut self) {
        while self.peek().is_some_and(|byte| byte.is_ascii_whitespace()) {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn take(&mut self, word: &str) -> bool {
        let found = self.text[self.at..].starts_with(word.as_bytes());
        if found {
            self.at += word.len();
        }
        found
    }

    fn value(&mut self, depth: usize) -> Result<Value, String> {
        self.space();
        match self.peek() {
            _ if depth > DEEPEST => Err("the JSON is nested too deeply".to_string()),
            Some(b'"') => self.string().map(Value::Text),
            Some(b'[') => self.list(depth),
            Some(b'{') => self.object(depth),
            _ if self.take("null") => Ok(Value::Null),
            _ if self.take("true") => Ok(Value::Bool(true)),
            _ if self.take("false") => Ok(Value::Bool(false)),
            _ => self.number(),
        }
    }

    fn number(&mut self) -> Result<Value, String> {
        let start = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte)) {
            self.at += 1;
        }
        let text = String::from_utf8_lossy(&self.text[start..self.at]).to_string();
        if text.parse::<f64>().is_ok() { Ok(Value::Number(text)) } else { Err(self.fault()) }
    }

    fn list(&mut self, depth: usize) -> Result<Value, String> {
        let mut items = Vec::new();
        self.at += 1;
        self.space();
        if self.take("]") {
            return Ok(Value::List(items));
        }
        loop {
            items.push(self.value(depth + 1)?);
            self.space();
            if self.take("]") {
                return Ok(Value::List(items));
            }
            if !self.take(",") {
                return Err(self.fault());
            }
        }
    }

    fn object(&mut self, depth: usize) -> Result<Value, String> {
        let mut members = Vec::new();
        self.at += 1;
        self.space();
        if self.take("}") {
            return Ok(Value::Object(members));
        }
        loop {
            self.space();
            let name = self.string()?;
            self.space();
            if !self.take(":") {
                return Err(self.fault());
            }
            members.push((name, self.value(depth + 1)?));
            self.space();
            if self.take("}") {
                return Ok(Value::Object(members));
            }
            if !self.take(",") {
                return Err(self.fault());
            }
        }
    }

    fn string(&mut self) -> Result<String, String> {
        if !self.take("\"") {
            return Err(self.fault());
        }
        let mut bytes = Vec::new();
        loop {
            let byte = self.peek().ok_or_else(|| self.fault())?;
            self.at += 1;
            match byte {
                b'"' => return String::from_utf8(bytes).map_err(|_| self.fault()),
                b'\\' => {
                    let letter = self.escaped()?;
                    bytes.extend(letter.to_string().bytes());
                }
                byte => bytes.push(byte),
            }
        }
    }

    fn escaped(&mut self) -> Result<char, String> {
        let byte = self.peek().ok_or_else(|| self.fault())?;
        self.at += 1;
        Ok(match byte {
            b'n' => '\n',
            b't' => '\t',
            b'r' => '\r',
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'u' => {
                let high = self.hex()?;
                let is_pair = (0xd800..0xdc00).contains(&high) && self.take("\\u");
                let code = if is_pair { 0x10000 + ((high - 0xd800) << 10) + (self.hex()? & 0x3ff) } else { high };
                char::from_u32(code).unwrap_or('\u{fffd}')
            }
            byte => byte as char,
        })
    }

    fn hex(&mut self) -> Result<u32, String> {
        let digits = self.text.get(self.at..self.at + 4).ok_or_else(|| self.fault())?;
        self.at += 4;
        let text = std::str::from_utf8(digits).map_err(|_| self.fault())?;
        u32::from_str_radix(text, 16).map_err(|_| self.fault())
    }
}
