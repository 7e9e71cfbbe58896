# Runs a Ruby script: `ruby -e <this text> ARGUMENTS ANSWER LIMIT GEMS`. ARGUMENTS and ANSWER are descriptors: a JSON
# object, and the result pipe (sandbox/job.py). LIMIT is the maximum size of the result in bytes, GEMS the folder with the
# installed gems, or empty.

require "json"

module OrvantaHost
  SCRIPT = "#{Dir.pwd}/script.rb".freeze
  MESSAGE_CHARS = 64 << 10
  STACK_CHARS = 32 << 10
  DEEPEST = 1000

  class MissingMain < StandardError; end
  class ResultNotJson < StandardError; end
  class ResultTooLarge < StandardError; end
  OWN = [MissingMain, ResultNotJson, ResultTooLarge].freeze

  class << self
    def run(arguments, answers, limit)
      @pid = Process.pid
      @answers = IO.for_fd(answers, "wb")
      @limit = limit
      text = IO.for_fd(arguments, "r:UTF-8").read
      answer("r", result(text))
    rescue SystemExit => error
      error.success? ? answer("r", "null") : tell("ExitCode", "the script ended with exit code #{error.status}", nil)
    rescue Exception => error # any exception of the script is the job's error
      describe(error)
    end

    private

    def result(text)
      load SCRIPT
      raise MissingMain, "the script defines no function main" unless TOPLEVEL_BINDING.receiver.respond_to?(:main, true)

      main = TOPLEVEL_BINDING.receiver.method(:main)
      positional, named = words(main.parameters, JSON.parse(text))
      to_json(main.call(*positional, **named))
    end

    # Returns the arguments that `main` names, and all others too if it has `**rest`.
    def words(parameters, given)
      names = parameters.select { |kind, _| %i[req opt].include?(kind) }
      places = parameters.select { |kind, _| %i[key keyreq].include?(kind) }.map(&:last)
      positional = positions(names, given)
      wanted = if parameters.any? { |kind, _| kind == :keyrest }
                 given.keys.map(&:to_sym) - names.map(&:last)
               else
                 places.select { |name| given.key?(name.to_s) }
               end
      [positional, wanted.to_h { |name| [name, given[name.to_s]] }]
    end

    def positions(names, given)
      optional = names.select { |kind, _| kind == :opt }.map(&:last)
      passed = optional.take_while { |name| given.key?(name.to_s) }
      behind = optional.drop(passed.length).find { |name| given.key?(name.to_s) }
      raise ArgumentError, "#{optional[passed.length]} must be given where #{behind} is" if behind

      names.filter_map do |kind, name|
        raise ArgumentError, "the argument #{name} is missing" if kind == :req && !given.key?(name.to_s)

        [given[name.to_s]] if kind == :req || passed.include?(name)
      end.flatten(1)
    end

    def to_json(value)
      text = JSON.generate(plain(value, "result", 0), max_nesting: 0)
      raise ResultNotJson, "a text in the result is not UTF-8" unless text.valid_encoding?
      return text if text.bytesize <= @limit

      raise ResultTooLarge, "the result has #{text.bytesize} bytes, the limit is #{@limit} bytes"
    rescue JSON::GeneratorError, EncodingError => error
      raise ResultNotJson, "the result is not JSON: #{error.message}"
    end

    def plain(value, path, depth)
      raise ResultNotJson, "the result is nested too deeply, or contains itself" if depth > DEEPEST

      case value
      when nil, true, false, Integer, String then value
      when Float then value.finite? ? value : raise(ResultNotJson, "#{path} is #{value}, which is not a JSON value")
      when Symbol then value.to_s
      when Array then value.each_with_index.map { |item, index| plain(item, "#{path}[#{index}]", depth + 1) }
      when Hash then value.to_h { |key, item| [key.to_s, plain(item, "#{path}.#{key}", depth + 1)] }
      when Struct then plain(value.to_h, path, depth + 1)
      when Rational then value.to_s
      else other(value, path)
      end
    end

    def other(value, path)
      return value.iso8601 if value.respond_to?(:iso8601)
      return value.strftime("%Y-%m-%dT%H:%M:%S%:z") if value.is_a?(Time)

      raise ResultNotJson, "#{path} is of type #{value.class}, which is not JSON"
    end

    def describe(error)
      name = error.is_a?(NoMemoryError) ? "MemoryError" : error.class.name.to_s
      message = message_of(error)
      return tell("result_too_large", message, nil) if error.is_a?(ResultTooLarge)
      return tell(name.delete_prefix("OrvantaHost::"), message, nil) if OWN.include?(error.class)
      return tell(name, syntax(message), nil) if error.is_a?(SyntaxError) && message.include?(SCRIPT)

      tell(name.empty? ? "Error" : name, message, stack(error, message))
    end

    def message_of(error)
      error.message.to_s
    rescue StandardError => second # raised by the script's own method
      "(its message cannot be shown: #{second.class})"
    end

    def syntax(message)
      line = message[/#{Regexp.escape(SCRIPT)}:(\d+)/, 1].to_i
      text = File.readlines(SCRIPT, encoding: "UTF-8")[line - 1].to_s.strip
      first = message.lines.map(&:strip).grep(/(?:syntax error|unexpected)/).last.to_s
      "#{first.sub(/\A(?:.*?script\.rb:\d+: |[|^~ ]+)/, "")} (line #{line}): #{text}"
    end

    # Returns the frames from the innermost one to the script's outermost one. Frames below belong to this program.
    def stack(error, message)
      lines = error.backtrace || []
      last = lines.rindex { |line| line.start_with?(SCRIPT) }
      return nil if last.nil?

      ["#{error.class}: #{message}", *lines[0..last].map { |line| "  from #{line}" }].join("\n")
    end

    def tell(name, message, stack)
      told = { name: name, message: cut(message, MESSAGE_CHARS), stack: stack && cut(stack, STACK_CHARS) }
      answer("e", JSON.generate(told))
    end

    def cut(text, most)
      clean = text.dup.force_encoding("UTF-8").scrub.gsub("#{File.dirname(SCRIPT)}/", "")
      clean.length <= most ? clean : "#{clean[0, most]}\n…"
    end

    def answer(kind, text)
      return if Process.pid != @pid

      @answers.write([kind, text.bytesize].pack("aQ>"), text.b)
      @answers.flush
    end
  end
end

# The functions of `require "windmill/mini"`, which read from the workspace with the job's token.
module OrvantaClient
  class RequestFailed < StandardError; end

  def self.get(call)
    require "net/http"
    uri = URI("#{ENV.fetch("BASE_INTERNAL_URL")}/api/w/#{ENV.fetch("WM_WORKSPACE")}/#{call}")
    answer = Net::HTTP.start(uri.host, uri.port, nil, use_ssl: uri.scheme == "https") do |http|
      http.get(uri.request_uri, "Authorization" => "Bearer #{ENV.fetch("WM_TOKEN")}")
    end
    return JSON.parse(answer.body) if answer.is_a?(Net::HTTPSuccess)

    raise RequestFailed, "#{call}: status #{answer.code}: #{answer.body.to_s[0, 1000]}"
  end
end

# The block `gemfile do … end` of a script, whose gems are installed: it loads them, as Bundler's does.
class OrvantaGemfile
  def source(*) = nil

  def gem(name, *, require: nil)
    return if require == false

    Array(require || name).each { |file| load_gem(file, name) }
  end

  private

  def load_gem(file, name)
    require file
  rescue LoadError => error
    raise unless file == name && name.include?("-") && error.path == name

    require name.tr("-", "/")
  end
end

module Kernel
  private

  def gemfile(*, **, &block) = OrvantaGemfile.new.instance_eval(&block)

  def get_variable(path) = OrvantaClient.get("variables/get_value/#{path}")

  def get_resource(path) = OrvantaClient.get("resources/get_value_interpolated/#{path}")
end

$LOADED_FEATURES.push("bundler/inline.rb", "windmill/inline.rb", "windmill/mini.rb")

$stdout.sync = $stderr.sync = true
begin
  numbers = ARGV.first(3).map(&:to_i)
  Gem.paths = { "GEM_PATH" => [*Gem.path, ARGV[3]].join(":") } unless ARGV[3].empty?
  ARGV.clear
  $0 = "script.rb"
  OrvantaHost.run(*numbers)
end
