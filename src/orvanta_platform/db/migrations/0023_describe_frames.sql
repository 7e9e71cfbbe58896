-- A large value may lie in its object as frames that are read by themselves.

COMMENT ON TABLE value IS 'JSON text by the id of its run or job; size is that of the JSON. encoding 1: zlib, 2: frames of zlib. object: key in object storage.';
