"""From protobuf descriptors and protovalidate rules to a grammar in llguidance's Lark dialect."""
