"""The main cases of the table in R."""

from __future__ import annotations

SCRIPTS = {
    "arguments": """
main <- function(a, b, c = "third") {
  c(a, b, c)
}
""",
    "structured": """
main <- function(x) {
  x
}
""",
    "nothing": """
main <- function() {
  invisible(NULL)
}
""",
    "error": """
inner <- function() {
  stop("no good")
}

main <- function() {
  inner()
}
""",
    "missing main": """
other <- function() 1
""",
    "syntax": """
main <- function() {
  x <- ;
}
""",
    "order": r"""
main <- function() {
  for (i in 0:499) {
    cat("out", i, fill = TRUE)
    message("err ", i)
  }
}
""",
    "unicode": r"""
main <- function(x) {
  cat(x, "\n", sep = "")
  x
}
""",
    "large": """
main <- function(x) paste0(x, x)
""",
    "forever": r"""
main <- function() {
  cat("begun\n")
  while (TRUE) {}
}
""",
    "exit": """
main <- function() quit(status = 3)
""",
    "environment": """
main <- function() Sys.getenv("OV_JOB_ID")
""",
    "whole environment": """
main <- function() names(Sys.getenv())
""",
    "stdin": """
main <- function() paste(readLines(file("stdin")), collapse = "")
""",
}
