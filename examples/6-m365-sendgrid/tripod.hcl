tripod {
  files = ["domains/*.hcl"]
}

# dnsconfig.js keeps web, Teams and device records; its first line requires what tripod renders.
dnscontrol {
  emit   = "extend"
  output = "dnscontrol"
}
