"""The job queue: claims, failure detection, concurrency limits."""
