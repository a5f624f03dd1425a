FROM a
SHELL ["pwsh", "-c"]
RUN Get-Item \
  /x  \
   | Out-Null
