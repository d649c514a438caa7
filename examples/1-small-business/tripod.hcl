tripod {
  files = ["domains/*.hcl"]
}

# dnsconfig.js keeps the web records; its first line requires what tripod renders.
dnscontrol {
  emit   = "extend"
  output = "dnscontrol"
}
