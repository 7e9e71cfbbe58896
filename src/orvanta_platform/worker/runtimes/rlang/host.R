# Runs an R script: `Rscript --vanilla <this text> ARGUMENTS ANSWER LIMIT`. ARGUMENTS and ANSWER are descriptors: a JSON
# object, and the result pipe (sandbox/job.py). LIMIT is the maximum size of the result in bytes.

options(keep.source = TRUE, warn = 1)

.orvanta <- local({
  script <- "script.r"
  words <- commandArgs(trailingOnly = TRUE)
  descriptor <- function(word) paste0("/proc/self/fd/", word)

  answer <- function(kind, text) {
    body <- charToRaw(enc2utf8(text))
    pipe <- file(descriptor(words[[2]]), "wb", raw = TRUE)
    writeBin(charToRaw(kind), pipe)
    writeBin(c(0L, length(body)), pipe, size = 4, endian = "big")
    writeBin(body, pipe)
    close(pipe)
    quit(save = "no", status = 0)
  }

  fail <- function(name, message, stack = NULL) {
    described <- list(name = name, message = message, stack = stack)
    answer("e", jsonlite::toJSON(described, auto_unbox = TRUE, null = "null"))
  }

  # Arrays of numbers, of texts or of truth values are vectors; `I` keeps one of length 1 an array.
  simplified <- function(value) {
    if (!is.list(value)) return(value)
    if (!is.null(names(value)) || length(value) == 0) return(lapply(value, simplified))
    kinds <- unique(vapply(value, function(each) if (length(each) == 1) mode(each) else "list", ""))
    if (length(kinds) != 1 || kinds == "list") return(lapply(value, simplified))
    if (length(value) == 1) I(unlist(value)) else unlist(value)
  }

  # Lines of the script from the call of `main` on, the innermost first.
  frames <- function(calls) {
    shown <- vapply(calls, function(call) {
      place <- attr(call, "srcref")
      if (is.null(place) || basename(attr(place, "srcfile")$filename) != script) return("")
      paste0("  at ", deparse(call, nlines = 1)[[1]], " (", script, ":", place[[1]], ")")
    }, "")
    paste(rev(shown[shown != ""]), collapse = "\n")
  }

  thrown <- function(error) {
    name <- setdiff(class(error), c("simpleError", "condition"))[[1]]
    stack <- frames(sys.calls())
    fail(if (name == "error") "Error" else name, conditionMessage(error), if (stack == "") NULL else stack)
  }

  list(words = words, script = script, descriptor = descriptor, answer = answer, fail = fail, simplified = simplified,
       thrown = thrown)
})

if (!requireNamespace("jsonlite", quietly = TRUE)) {
  message("jsonlite is not installed on this worker (r-cran-jsonlite)")
  quit(save = "no", status = 1)
}

.orvanta$get <- function(call) {
  address <- paste0(Sys.getenv("BASE_INTERNAL_URL"), "/api/w/", Sys.getenv("WM_WORKSPACE"), "/", call)
  authorization <- c(Authorization = paste("Bearer", Sys.getenv("WM_TOKEN")))
  connection <- url(address, headers = authorization, method = "libcurl", encoding = "UTF-8")
  on.exit(close(connection))
  text <- paste(readLines(connection, warn = FALSE), collapse = "\n")
  .orvanta$simplified(jsonlite::fromJSON(text, simplifyVector = FALSE))
}

get_variable <- function(path) .orvanta$get(paste0("variables/get_value/", path))
get_resource <- function(path) .orvanta$get(paste0("resources/get_value_interpolated/", path))

.orvanta$main <- function() {
  text <- readLines(.orvanta$descriptor(.orvanta$words[[1]]), warn = FALSE, encoding = "UTF-8")
  given <- lapply(jsonlite::fromJSON(text, simplifyVector = FALSE), .orvanta$simplified)
  code <- tryCatch(
    parse(.orvanta$script, keep.source = TRUE, encoding = "UTF-8"),
    error = function(error) .orvanta$fail("SyntaxError", conditionMessage(error))
  )
  for (expression in code) eval(expression, globalenv())
  if (!exists("main", globalenv(), mode = "function", inherits = FALSE)) {
    .orvanta$fail("MissingMain", "the script defines no function main")
  }
  wanted <- names(formals(get("main", globalenv())))
  if (!("..." %in% wanted)) given <- given[intersect(names(given), wanted)]
  value <- do.call("main", given, quote = TRUE, envir = globalenv())
  json <- "null"
  if (!is.null(value)) {
    json <- tryCatch(
      jsonlite::toJSON(value, auto_unbox = TRUE, null = "null", na = "null", digits = NA, POSIXt = "ISO8601"),
      error = function(error) .orvanta$fail("ResultNotJson", paste("the result is not JSON:", conditionMessage(error)))
    )
  }
  size <- nchar(json, "bytes")
  if (size > as.numeric(.orvanta$words[[3]])) {
    .orvanta$fail("result_too_large", sprintf("the result has %d bytes, the limit is %s bytes", size, .orvanta$words[[3]]))
  }
  .orvanta$answer("r", json)
}

withCallingHandlers(.orvanta$main(), error = .orvanta$thrown)
