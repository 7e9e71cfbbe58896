<?php
// Runs a PHP script: `php -r <this text> ARGUMENTS ANSWER LIMIT PACKAGES`. ARGUMENTS and ANSWER are descriptors: a JSON
// object, and the result pipe (sandbox/job.py). LIMIT is the maximum size of the result in bytes, PACKAGES the folder
// with Composer's packages, or empty.

namespace Orvanta\Host {
    const MESSAGE_BYTES = 64 << 10;
    const STACK_BYTES = 32 << 10;

    class Failed extends \Exception {
        public function __construct(public string $name, string $message) {
            parent::__construct($message);
        }
    }

    final class Answers {
        public static bool $answered = false;
        public static int $pid;
        public static int $limit;
        public static string $folder;
        /** @var resource */
        public static $pipe;
    }

    function start(int $pipe, int $limit): void {
        Answers::$pid = getmypid();
        Answers::$pipe = fopen("php://fd/$pipe", 'w');
        Answers::$limit = $limit;
        Answers::$folder = getcwd() . '/';
        register_shutdown_function(__NAMESPACE__ . '\stopped');
    }

    function answer(string $kind, string $text): void {
        if (Answers::$answered || getmypid() !== Answers::$pid) return;
        Answers::$answered = true;
        $data = $kind . pack('J', strlen($text)) . $text;
        for ($sent = 0; $sent < strlen($data); $sent += $count) {
            $count = fwrite(Answers::$pipe, $sent ? substr($data, $sent) : $data);
            if (!$count) return;
        }
        fflush(Answers::$pipe);
    }

    function error(string $name, string $message, ?string $stack): void {
        $stack = $stack === null ? null : cut(short($stack), STACK_BYTES);
        $described = ['name' => $name, 'message' => cut(short($message), MESSAGE_BYTES), 'stack' => $stack];
        answer('e', json_encode($described, JSON_UNESCAPED_SLASHES | JSON_INVALID_UTF8_SUBSTITUTE));
    }

    function cut(string $text, int $most): string {
        if (strlen($text) <= $most) return $text;
        return preg_replace('/[\xc0-\xff][\x80-\xbf]*$/', '', substr($text, 0, $most)) . "\n…";
    }

    // Removes text that does not come from the script's author: its folder, and this program as the caller of `main`.
    function short(string $text): string {
        $text = preg_replace('/, called in Command line code on line \d+|(?<=passed) in Command line code on line \d+/', '', $text);
        return str_replace(Answers::$folder, '', $text);
    }

    function thrown(\Throwable $thrown): void {
        $line = $thrown->getLine();
        if ($thrown instanceof Failed) {
            error($thrown->name, $thrown->getMessage(), null);
        } elseif ($thrown instanceof \ParseError && $thrown->getFile() === Answers::$folder . 'script.php') {
            $text = trim(file('script.php')[$line - 1] ?? '');
            error('ParseError', $thrown->getMessage() . " (line $line)" . ($text === '' ? '' : ": $text"), null);
        } else {
            error(get_class($thrown), $thrown->getMessage(), stack($thrown));
        }
    }

    // Returns the script's frames, innermost first, or null if there are none. Arguments are not shown.
    function stack(\Throwable $thrown): ?string {
        $calls = [];
        $place = ['file' => $thrown->getFile(), 'line' => $thrown->getLine()];
        foreach ([...$thrown->getTrace(), null] as $call) {
            if (str_starts_with($place['file'] ?? '', Answers::$folder)) {
                $within = $call === null || in_array($call['function'], ['require', 'include'])
                    ? '{script}' : ($call['class'] ?? '') . ($call['type'] ?? '') . $call['function'];
                $calls[] = "  at $within ({$place['file']}:{$place['line']})";
            }
            $place = $call;
        }
        if (!$calls) return null;
        return get_class($thrown) . ': ' . $thrown->getMessage() . "\n" . implode("\n", array_slice($calls, 0, 200));
    }

    // Reports fatal errors, which no `catch` sees. After `exit`, the exit code of the process is sufficient.
    function stopped(): void {
        $last = error_get_last();
        if ($last === null || !($last['type'] & (E_ERROR | E_CORE_ERROR | E_COMPILE_ERROR | E_USER_ERROR))) return;
        $message = explode("\n", $last['message'])[0];
        error('FatalError', "$message (line {$last['line']})", null);
    }

    function call(array $given, object $asObjects): string {
        if (!function_exists('main')) throw new Failed('MissingMain', 'the script defines no function main');
        $words = [];
        foreach ((new \ReflectionFunction('main'))->getParameters() as $each) {
            $name = $each->getName();
            if ($each->isVariadic() || !array_key_exists($name, $given)) continue;
            $type = $each->getType();
            $isArray = $type instanceof \ReflectionNamedType && $type->getName() === 'array';
            $words[$name] = $isArray ? $given[$name] : asType($type, $asObjects->$name);
        }
        return toJson(\main(...$words));
    }

    // Returns an object as an instance of the class that a parameter names. A class that does not exist is that of a
    // resource type: it is defined here, with the members of the object as its properties.
    function asType(?\ReflectionType $type, mixed $value): mixed {
        if (!$value instanceof \stdClass || !$type instanceof \ReflectionNamedType || $type->isBuiltin()) return $value;
        $name = $type->getName();
        if (!preg_match('/^[A-Za-z_][A-Za-z0-9_]*$/D', $name)) return $value;
        if (!class_exists($name) && !interface_exists($name) && !enum_exists($name)) eval("class $name extends \\stdClass {}");
        if (!is_subclass_of($name, \stdClass::class)) return $value;
        $made = new $name();
        foreach (get_object_vars($value) as $key => $member) $made->$key = $member;
        return $made;
    }

    function toJson(mixed $value): string {
        $flags = JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE | JSON_PRESERVE_ZERO_FRACTION | JSON_THROW_ON_ERROR;
        try {
            $text = json_encode($value, $flags);
        } catch (\JsonException $error) {
            throw new Failed('ResultNotJson', "the result is not JSON: {$error->getMessage()}");
        }
        [$size, $limit] = [strlen($text), Answers::$limit];
        if ($size > $limit) throw new Failed('result_too_large', "the result has $size bytes, the limit is $limit bytes");
        return $text;
    }
}

namespace {
    Orvanta\Host\start((int) $argv[2], (int) $argv[3]);
    try {
        (function (string $descriptor): void {
            $text = file_get_contents("php://fd/$descriptor");
            $GLOBALS['orvanta given'] = [json_decode($text, true), json_decode($text) ?? new stdClass()];
        })($argv[1]);
        if ($argv[4] !== '') require $argv[4] . '/vendor/autoload.php';
        $argv = ['script.php'];
        $argc = 1;
        require getcwd() . '/script.php';
        Orvanta\Host\answer('r', (function (): string {
            $given = $GLOBALS['orvanta given'];
            unset($GLOBALS['orvanta given']);
            return Orvanta\Host\call(...$given);
        })());
    } catch (Throwable $orvanta_thrown) {
        Orvanta\Host\thrown($orvanta_thrown);
    }
}
