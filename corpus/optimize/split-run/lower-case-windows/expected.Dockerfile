# escape=`
from debian:bookworm-slim
copy . /app
run apt-get update && `
    # build
    apt-get install -y gcc
run make -C /app
